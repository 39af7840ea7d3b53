// The official SDK and ours in turns: each takes the steps of cases.json to make a dataset, and reads the other's; each
// evaluates over the dataset that the other made; both fill in the same prompts. What was seen goes to a file;
// check_together.mjs knows what it must have been.
//
//   node together.mjs INTEROP_CASES SEEN

import { Attachment, Eval, ReadonlyAttachment, init, initDataset, loadPrompt, login } from "braintrust";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";

const [program, seenFile] = process.argv.slice(2);
const project = "Interop together";
const { steps, prompts } = JSON.parse(readFileSync("cases.json", "utf8"));
const ours = async (...args) => (await promisify(execFile)(program, args, { maxBuffer: 1 << 28 })).stdout;
const seen = {};

// --- Datasets ---

const mapped = async (value, change) => {
  const changed = await change(value);
  if (changed !== undefined) return changed;
  if (Array.isArray(value)) return Promise.all(value.map((inner) => mapped(inner, change)));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([key, inner]) => [key, await mapped(inner, change)])));
};
const made = (value) =>
  mapped(value, (inner) => {
    if (!inner?.$attachment) return undefined;
    const { filename, content_type: contentType, hex } = inner.$attachment;
    return new Attachment({ data: new Blob([Buffer.from(hex, "hex")]), filename, contentType });
  });
const read = (value) =>
  mapped(value, async (inner) => {
    if (!(inner instanceof ReadonlyAttachment)) return undefined;
    const { filename, content_type } = inner.reference;
    const hex = Buffer.from(await (await inner.data()).arrayBuffer()).toString("hex");
    return { $attachment: { filename, content_type, hex } };
  });

const rowsOf = async (fetcher) => {
  const rows = [];
  for await (const row of fetcher.fetch({ batchSize: 2 })) rows.push({ ...row, input: await read(row.input) });
  return rows;
};
const opened = (name, version) => initDataset(project, { dataset: name, version });
const seenByTheirs = async (name) => {
  const dataset = opened(name);
  const summary = (await dataset.summarize()).dataSummary;
  return { id: await dataset.id, rows: await rowsOf(dataset), version: await opened(name).version(), total: summary.totalRecords };
};

const theirs = initDataset(project, { dataset: "theirs", description: "made by the JavaScript SDK" });
for (const step of steps) {
  if (step.insert) theirs.insert(await made(step.insert));
  else if (step.update) theirs.update(await made(step.update));
  else if (step.remove) theirs.delete(step.remove);
  else await theirs.flush();
}
await theirs.flush();
await ours("write", "cases.json", project, "ours");

seen.datasets = {};
for (const name of ["theirs", "ours"]) {
  const read = { theirs: await seenByTheirs(name), ours: JSON.parse(await ours("read", project, name)) };
  seen.datasets[name] = { ...read, atOurVersion: await rowsOf(opened(name, read.ours.version)) };
}

// --- Evals ---

const { apiUrl } = await login();
const send = async (method, path, body) =>
  (
    await fetch(`${apiUrl}/${path}`, {
      method,
      headers: { Authorization: "Bearer anything", "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    })
  ).json();

const quiet = {
  progress: { start() {}, increment() {}, stop() {} },
  reporter: { name: "none", reportEval() {}, reportRun: () => true },
};
const level = "easy";
const evaluated = await Eval(
  project,
  {
    experimentName: "theirs",
    data: opened("ours"),
    task: (input, { expected, metadata }) => (metadata.level === level ? expected : "?"),
    scores: [
      function exact({ output, expected }) {
        if (expected === undefined || expected === null) return null;
        return JSON.stringify(output) === JSON.stringify(expected) ? 1 : 0;
      },
      function graded({ metadata }) {
        return { name: "half", score: 0.5, metadata: { level: metadata.level } };
      },
    ],
  },
  quiet,
);
const spansOf = async (experiment) => rowsOf(init(project, { experiment, open: true }));
seen.evals = { theirs: { spans: await spansOf("theirs"), printed: evaluated.summary } };

const lines = (await ours("evaluate", project, "theirs", "ours")).trim().split("\n");
const [base, next] = lines.map((line) => JSON.parse(line));
const stored = await send("GET", `v1/experiment/${next.experiment_id}`);
const again = init(project, { experiment: next.experiment_name, update: true });
seen.evals.ours = {
  printed: { base, next },
  baseSpans: await spansOf(base.experiment_name),
  spans: await spansOf(next.experiment_name),
  stored,
  rowsAtStoredVersion: await rowsOf(opened("theirs", stored.dataset_version)),
  summary: await again.summarize({ comparisonExperimentId: base.experiment_id }),
};

// --- Prompts ---

seen.prompts = [];
for (const [i, { name, prompt, options }] of prompts.entries()) {
  const saved = { project_id: next.project_id, name, slug: `prompt-${i}`, prompt_data: { prompt, options } };
  const answer = await send("POST", "v1/prompt", saved);
  if (!answer.id) throw new Error(`the prompt "${name}" was not saved: ${JSON.stringify(answer)}`);
}
for (const [i, { prompt, variables, messages, strict, defaults }] of prompts.entries()) {
  try {
    const loaded = await loadPrompt({ projectName: project, slug: `prompt-${i}`, defaults });
    const flavor = prompt.type === "completion" ? "completion" : "chat";
    const { span_info, ...request } = loaded.build(variables, { strict, messages, flavor });
    seen.prompts.push({ theirs: { request, provenance: span_info.metadata.prompt } });
  } catch (error) {
    seen.prompts.push({ theirs: { error: error.message } });
  }
}
JSON.parse(await ours("prompts", "cases.json", project)).forEach((built, i) => (seen.prompts[i].ours = built));

writeFileSync(seenFile, JSON.stringify(seen, null, 2));
