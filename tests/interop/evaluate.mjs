// Evaluates as a user of the official SDK would: a dataset, two experiments over it, versions, a prompt. What it saw goes to a
// file; check.mjs knows what it must have been.
//
//   node evaluate.mjs SEEN

import { Eval, flush, init, initDataset, loadPrompt, login } from "braintrust";
import { writeFileSync } from "node:fs";

const project = "Interop evaluations";
const seen = {};

const dataset = initDataset(project, { dataset: "capitals", description: "made by the JavaScript SDK" });
for (const [id, input, expected] of [
  ["fr", "France", "Paris"],
  ["de", "Germany", "Berlin"],
  ["it", "Italy", "Rome"],
  ["xx", "Nowhere", "None"],
]) {
  dataset.insert({ id, input, expected, metadata: { by: "interop" }, tags: ["geo"] });
}
await dataset.flush();
const first = await dataset.createSnapshot({ name: "first", description: "all four" });
dataset.update({ id: "it", expected: "Roma" });
dataset.delete("xx");
await dataset.flush();

const rowsOf = async (fetcher) => {
  const rows = [];
  for await (const row of fetcher.fetch({ batchSize: 2 })) rows.push(row);
  return rows;
};
const reopen = (options = {}) => initDataset(project, { dataset: "capitals", ...options });
seen.dataset = { name: await dataset.name, summary: await dataset.summarize(), rows: await rowsOf(reopen()) };
seen.atFirst = await rowsOf(reopen({ snapshotName: "first" }));
seen.atVersion = await rowsOf(reopen({ version: first.xact_id }));
seen.byId = await rowsOf(initDataset({ datasetId: await dataset.id }));
seen.filtered = await rowsOf(reopen({ _internal_btql: { filter: { btql: "input = 'Germany'" } } }));
seen.snapshots = await dataset.listSnapshots();
seen.version = await reopen().version();

const answers = { France: "Paris", Germany: "Berlin", Italy: "Roma" };
const run = (experimentName, task) =>
  Eval(
    project,
    {
      experimentName,
      data: reopen(),
      task,
      scores: [({ output, expected }) => ({ name: "exact", score: output === expected ? 1 : 0 })],
    },
    { progress: { start() {}, increment() {}, stop() {} }, reporter: { name: "none", reportEval() {}, reportRun: () => true } },
  );
seen.base = (await run("capitals", (input) => (input === "Italy" ? "Milan" : answers[input]))).summary;
seen.next = (await run("capitals", (input) => (input === "France" ? "Lyon" : answers[input]))).summary;

const open = init(project, { experiment: seen.next.experimentName, open: true });
seen.spans = await rowsOf(open);
seen.asDataset = [];
for await (const row of open.asDataset()) seen.asDataset.push(row);

const again = init(project, { experiment: seen.next.experimentName, update: true });
const row = seen.spans.find((span) => span.is_root && span.input === "France");
again.logFeedback({ id: row.id, scores: { user: 0.25 }, comment: "not Lyon" });
await flush();
seen.feedback = (await rowsOf(init(project, { experiment: seen.next.experimentName, open: true }))).find(
  (span) => span.id === row.id,
);
seen.missingBase = await init(project, { experiment: "alone", baseExperiment: "none such" }).id;

const preview = await dataset.restorePreview({ version: first.xact_id });
seen.restore = { preview, done: await dataset.restore({ version: first.xact_id }), rows: await rowsOf(reopen()) };

// What the SDK reads but has no call of its own to write.
const { apiUrl } = await login();
const send = async (method, path, body) =>
  (
    await fetch(`${apiUrl}/${path}`, {
      method,
      headers: { Authorization: "Bearer anything", "Content-Type": "application/json" },
      body: JSON.stringify(body),
    })
  ).json();
await send("PUT", `environment-object/dataset/${await dataset.id}/production`, { object_version: first.xact_id });
seen.inProduction = await rowsOf(reopen({ environment: "production" }));
const save = (content) =>
  send("POST", "v1/prompt", {
    project_id: seen.next.projectId,
    name: "Greeting",
    slug: "greeting",
    prompt_data: { prompt: { type: "chat", messages: [{ role: "user", content }] }, options: { model: "gpt-5" } },
  });
const old = await save("Hello {{name}}");
await save("Good day {{name}}");
seen.prompt = (await loadPrompt({ projectName: project, slug: "greeting" })).build({ name: "Ada" });
seen.oldPrompt = (await loadPrompt({ projectName: project, slug: "greeting", version: old._xact_id })).build({ name: "Ada" });

writeFileSync(process.argv[2], JSON.stringify(seen, null, 2));
