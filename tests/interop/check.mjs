// Reads everything back with `braintrust-local show --json`, and what the SDK itself has seen, and counts what is as it must be.
//
//   node check.mjs PROGRAM DATABASE SEEN SEEN_TOGETHER SCORERS PROJECTS OUTPUT_OF_RUN

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { checkJoined, checkOtel, checkOtelRun } from "./check_otel.mjs";
import { checkScorers } from "./check_scorers.mjs";
import { checkTogether } from "./check_together.mjs";
import { check, close } from "./checking.mjs";

const [program, database, seenFile, togetherFile, scorersFile, projectsFile, runFile] = process.argv.slice(2);
const show = (...args) =>
  execFileSync(program, ["show", "--db", database, ...args], { encoding: "utf8", maxBuffer: 1 << 28 });
const everything = JSON.parse(show("--json"));
const projects = JSON.parse(readFileSync(projectsFile, "utf8")); // names by id
const byOtel = (row) => /^[0-9a-f]{32}-[0-9a-f]{16}$/.test(row.id);
const joined = (row) => projects[row.project_id]?.startsWith("Interop: join"); // what `interop_cases call` logged
const rows = everything.filter((row) => row.log_id === "g" && !byOtel(row) && !joined(row)); // what log.mjs logged
const named = (name) => {
  const found = rows.filter((row) => row.span_attributes?.name === name);
  assert.equal(found.length, 1, `one span named ${name}`);
  return found[0];
};

check("spans are nested as they were opened", () => {
  const root = named("answer");
  assert.ok(!root.span_parents?.length);
  assert.deepEqual(named("retrieve").span_parents, [root.span_id]);
  assert.deepEqual(named("chat").span_parents, [named("retrieve").span_id]);
  assert.deepEqual(named("warehouse").span_parents, [root.span_id]);
  for (const name of ["retrieve", "chat", "warehouse"]) assert.equal(named(name).root_span_id, root.root_span_id);
});
check("inputs and outputs arrive as they were, in any script", () => {
  assert.deepEqual(named("answer").input, { question: "Where is my order?", text: "größer 日本語 😀" });
  assert.equal(named("answer").output, "Tomorrow.");
  assert.deepEqual(named("retrieve").output, [{ id: "doc-1", score: 0.25 }]);
  assert.deepEqual(named("chat").input, [{ role: "user", content: "hi" }]);
});
check("every span has a start and an end", () => {
  for (const name of ["answer", "retrieve", "chat", "warehouse", "remote", "large", "huge"]) {
    const { start, end } = named(name).metrics;
    assert.ok(start > 1.7e9 && end >= start, name);
  }
});
check("types and token counts arrive", () => {
  assert.equal(named("chat").span_attributes.type, "llm");
  assert.equal(named("retrieve").span_attributes.type, "tool");
  assert.equal(named("chat").metrics.tokens, 42);
});
check("an exception is the error of its span alone", () => {
  assert.match(named("warehouse").error, /the warehouse did not answer/);
  assert.equal(named("answer").error ?? null, null);
});
check("metadata of several calls is merged, of a later update too", () => {
  assert.deepEqual(named("answer").metadata, { user_id: "u-1", nested: { a: 1, b: 2 }, updated: true });
});
check("feedback adds scores, tags and the expected value to the stored span", () => {
  assert.deepEqual(named("answer").scores, { accuracy: 0.5, thumbs: 1 });
  assert.deepEqual(named("answer").tags, ["support", "reviewed"]);
  assert.equal(named("answer").expected, "On Tuesday.");
});
check("a comment is a row of its own that points to the span", () => {
  const comments = rows.filter((row) => row.comment);
  assert.equal(comments.length, 1);
  assert.equal(comments[0].comment.text, "came a day late");
  assert.equal(comments[0].origin.id, named("answer").id);
});
check("a span with an exported parent joins its trace", () => {
  assert.equal(named("remote").root_span_id, named("answer").root_span_id);
  assert.deepEqual(named("remote").span_parents, [named("answer").span_id]);
});
check("half a surrogate pair becomes a replacement character", () => {
  assert.equal(named("cut").input, "cut \ufffd");
});
check("a span of more than a megabyte is whole", () => assert.equal(named("large").input, "x".repeat(1_500_000)));
check("a span beyond the size of a request is whole", () => {
  assert.equal(named("huge").input, "y".repeat(7_000_000));
  assert.equal(named("huge").output, "z");
});
check("an attachment is a reference in its row, and its bytes can be read back", () => {
  const { image } = named("drawn").input;
  assert.equal(image.type, "braintrust_attachment");
  assert.equal(image.filename, "cat.png");
  assert.deepEqual(named("read back").output, [2048, 7, 7]);
  assert.match(show(named("drawn").root_span_id), /\[image\/png cat\.png 2 KB\]/);
});
check("hundreds of spans arrive, each once", () => {
  for (let i = 0; i < 300; ++i) assert.equal(named(`many-${i}`).output, i);
});
check("rows have transaction ids, and none of the fields that steer merging", () => {
  for (const row of everything) {
    assert.match(row._xact_id, /^\d{19}$/);
    assert.ok(!("_is_merge" in row));
  }
});
check("the project was made under its name, and all rows are in it", () => {
  assert.equal(new Set(rows.map((row) => row.project_id)).size, 1);
});
check("the list and the tree show the trace", () => {
  const id = named("answer").root_span_id;
  assert.match(show("--limit", "0"), /answer/);
  const tree = show(id.slice(0, 12));
  assert.match(tree, /^answer .*$/m);
  assert.match(tree, /^├─ retrieve +tool/m);
  assert.match(tree, /^│ {2}└─ chat +llm .*42 tok$/m);
  assert.match(tree, /✗ the warehouse did not answer$/m);
  assert.match(tree, /came a day late/);
});

const seen = JSON.parse(readFileSync(seenFile, "utf8"));
const pairs = (dataset) => dataset.map(({ id, input, expected }) => [id, input, expected]);
const atFirst = [
  ["fr", "France", "Paris"],
  ["de", "Germany", "Berlin"],
  ["it", "Italy", "Rome"],
  ["xx", "Nowhere", "None"],
];
check("a dataset is read back in order, with what was changed and without what was deleted", () => {
  assert.deepEqual(pairs(seen.dataset.rows), [atFirst[0], atFirst[1], ["it", "Italy", "Roma"]]);
  assert.deepEqual(pairs(seen.byId), pairs(seen.dataset.rows));
  assert.deepEqual(seen.dataset.rows[2].metadata, { by: "interop" });
  assert.deepEqual(seen.dataset.rows[2].tags, ["geo"]);
  assert.deepEqual(pairs(seen.filtered), [atFirst[1]]);
});
check("a dataset's summary counts its rows", () => {
  assert.equal(seen.dataset.name, "capitals");
  assert.deepEqual(seen.dataset.summary.dataSummary, { newRecords: 4, totalRecords: 3 });
});
check("a dataset at a version, a snapshot or an environment is what it was then", () => {
  for (const then of [seen.atFirst, seen.atVersion, seen.inProduction]) assert.deepEqual(pairs(then), atFirst);
  assert.deepEqual(
    seen.snapshots.map(({ name, description }) => [name, description]),
    [["first", "all four"]],
  );
  assert.equal(seen.version, seen.dataset.rows.map((row) => row._xact_id).sort().at(-1));
});
check("a dataset can be brought back to a version", () => {
  assert.deepEqual(seen.restore.preview, { rows_to_restore: 2, rows_to_delete: 0 });
  assert.equal(seen.restore.done.rows_restored, 2);
  assert.deepEqual(pairs(seen.restore.rows).sort(), [...atFirst].sort());
});
check("an experiment has its cases as spans, with scores and the dataset's rows as their origin", () => {
  const roots = seen.spans.filter((span) => span.is_root);
  assert.deepEqual(roots.map((span) => span.input).sort(), ["France", "Germany", "Italy"]);
  for (const root of roots) {
    const below = seen.spans.filter((span) => span.span_parents?.includes(root.span_id));
    assert.deepEqual(below.map((span) => span.span_attributes.type).sort(), ["score", "task"]);
    assert.equal(root.origin.object_type, "dataset");
    assert.ok(seen.dataset.rows.some((row) => row.id === root.origin.id && row._xact_id === root.origin._xact_id));
  }
  assert.equal(seen.asDataset.length, 3);
});
check("an experiment of a name that is taken gets another, and is compared to the one before", () => {
  assert.equal(seen.base.experimentName, "capitals");
  assert.equal(seen.base.comparisonExperimentName, undefined);
  assert.notEqual(seen.next.experimentName, "capitals");
  assert.equal(seen.next.comparisonExperimentName, "capitals");
  const { score, diff, improvements, regressions } = seen.next.scores.exact;
  assert.deepEqual([score, diff, improvements, regressions], [2 / 3, 0, 1, 1]);
  assert.ok(seen.next.metrics.duration.metric >= 0);
});
check("feedback reaches the rows of an experiment", () => {
  assert.equal(seen.feedback.scores.user, 0.25);
  assert.equal(seen.feedback.output, "Lyon");
  const comments = everything.filter((row) => row.comment && row.experiment_id === seen.next.experimentId);
  assert.deepEqual(comments.map((row) => [row.origin.id, row.comment.text]), [[seen.feedback.id, "not Lyon"]]);
});
check("a base experiment that does not exist is gone without", () => assert.ok(seen.missingBase));
check("a prompt is loaded in its newest version, or in the one that is asked for", () => {
  assert.equal(seen.prompt.messages[0].content, "Good day Ada");
  assert.equal(seen.oldPrompt.messages[0].content, "Hello Ada");
  assert.equal(seen.prompt.model, "gpt-5");
});
check("the list shows experiments, and one of them which case got worse", () => {
  assert.match(show("--experiments"), /^capitals-2 .* exact 66\.67%/m);
  assert.match(show("--datasets"), /^capitals +Interop evaluations +4 /m);
  const shown = show("--experiment", "capitals-2");
  assert.match(shown, /^compared to capitals$/m);
  const [, trace] = shown.match(/^(\w{8}) +exact +100\.00% → 0\.00% +France$/m);
  assert.match(show(trace), /^eval .*$/m);
});

checkOtel(everything, show, projects);
checkJoined(everything, projects);
checkOtelRun(readFileSync(runFile, "utf8"), process.env.TRACEPARENT);
checkTogether(JSON.parse(readFileSync(togetherFile, "utf8")));
checkScorers(JSON.parse(readFileSync(scorersFile, "utf8")));
close();
