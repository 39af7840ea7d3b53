// What together.mjs must have seen.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { check } from "./checking.mjs";

const { steps, rows, prompts } = JSON.parse(readFileSync("cases.json", "utf8"));
const names = { theirs: "the JavaScript SDK", ours: "the C++ SDK" };
const other = { theirs: "ours", ours: "theirs" };

// In an order of its own, without what a row does not have and without the ids that were made.
const chosen = new Set(steps.map((step) => step.insert?.id));
const fields = ["id", "input", "expected", "metadata", "tags"];
const absent = (value) => value === undefined || value === null || (Array.isArray(value) && value.length === 0);
const plain = (row) => Object.fromEntries(fields.filter((field) => !absent(row[field])).map((field) => [field, row[field]]));
const key = (row) => row.id ?? row.input; // those without an id have a text
const sorted = (list) => [...list].sort((a, b) => (key(a) < key(b) ? -1 : 1));
const asWritten = (list) =>
  sorted(list.map((row) => plain({ ...row, id: chosen.has(row.id) ? row.id : undefined })));

const checkDataset = (writer, reader, { [reader]: seen, atOurVersion }) => {
  check(`every row of a dataset that ${names[writer]} wrote is read by ${names[reader]} as it was written`, () => {
    assert.deepEqual(asWritten(seen.rows), sorted(rows));
  });
  check(`ids that ${names[writer]} made are those of one row each, for ${names[reader]}`, () => {
    const ids = seen.rows.map((row) => row.id);
    assert.equal(new Set(ids).size, rows.length);
    for (const id of ids.filter((id) => !chosen.has(id))) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/);
  });
  check(`${names[reader]} counts the rows of a dataset that ${names[writer]} wrote`, () => assert.equal(seen.total, rows.length));
  if (reader === "theirs") return;
  // Not what the other calls the version: that is of the row that was written last, and what was removed later would be back.
  check(`the version of a dataset of ${names[writer]}, as the C++ SDK names it, is what the JavaScript SDK finds under it`, () => {
    assert.ok(seen.rows.every((row) => row._xact_id <= seen.version));
    assert.deepEqual(asWritten(atOurVersion), sorted(rows));
  });
};

const passes = (row, level) => row.metadata.level === level;
const checkEval = (who, spans, dataset, { level, classifier, step }) => {
  const roots = spans.filter((span) => span.is_root);
  const below = (span) => spans.filter((one) => one.span_parents?.includes(span.span_id));
  const one = (list, name) => {
    const found = list.filter((span) => span.span_attributes.name === name);
    assert.equal(found.length, 1, `one span named ${name}`);
    return found[0];
  };
  const cases = dataset.rows.map((row) => [row, roots.find((root) => root.origin?.id === row.id)]);
  const eval_ = `an eval of ${names[who]} over rows of the other, level ${level},`;

  check(`${eval_} has one case for each row, which it names as its origin`, () => {
    assert.equal(roots.length, rows.length);
    for (const [row, root] of cases) {
      assert.ok(root, row.id);
      assert.equal(root.origin.object_type, "dataset");
      assert.equal(root.origin.object_id, dataset.id);
      assert.equal(root.origin._xact_id, row._xact_id);
    }
  });
  check(`${eval_} has what was given and expected in its cases, attachments too`, () => {
    for (const [row, root] of cases) {
      assert.equal(root.span_attributes.type, "eval");
      for (const field of ["input", "expected", "tags"]) {
        assert.deepEqual(plain(root)[field], plain(row)[field], `${field} of ${row.id}`);
      }
      assert.deepEqual(root.metadata, row.metadata);
      assert.deepEqual(root.output ?? null, passes(row, level) ? (row.expected ?? null) : "?");
      assert.equal(root.error ?? null, null);
    }
  });
  check(`${eval_} has its task, and what the task did, below the case`, () => {
    for (const [row, root] of cases) {
      const task = one(below(root), "task");
      assert.equal(task.span_attributes.type, "task");
      assert.deepEqual(task.input, row.input);
      assert.deepEqual(task.output ?? null, root.output ?? null);
      assert.deepEqual(below(task).map((span) => span.span_attributes.name), step ? ["step"] : []);
    }
  });
  check(`${eval_} has a span for each of its scorers, once`, () => {
    const graders = ["exact", "graded", "task", ...(classifier ? [classifier] : [])].sort();
    for (const [row, root] of cases) {
      assert.deepEqual(below(root).map((span) => span.span_attributes.name).sort(), graders);
      const [exact, graded] = ["exact", "graded"].map((name) => one(below(root), name));
      for (const span of [exact, graded]) {
        assert.equal(span.span_attributes.type, "score");
        assert.equal(span.span_attributes.purpose, "scorer");
        assert.deepEqual(span.input.input, row.input);
        assert.deepEqual(span.input.metadata, row.metadata);
        assert.deepEqual(below(span), []);
      }
      assert.deepEqual(exact.scores ?? {}, absent(row.expected) ? {} : { exact: passes(row, level) ? 1 : 0 });
      assert.deepEqual(graded.scores, { half: 0.5 });
      assert.deepEqual(graded.output, { score: 0.5 });
      assert.deepEqual(graded.metadata, { level: row.metadata.level });
    }
  });
  if (!classifier) return;
  check(`${eval_} has what its classifier found, in the case and in a span`, () => {
    for (const [row, root] of cases) {
      const type = Array.isArray(row.input) ? "array" : typeof row.input;
      const found = { [classifier]: [{ id: type, label: "größe" }] };
      assert.deepEqual(root.classifications, found);
      assert.equal(one(below(root), classifier).span_attributes.type, "classifier");
      assert.deepEqual(one(below(root), classifier).output, found);
    }
  });
};

const averages = (level) => {
  const expecting = rows.filter((row) => !absent(row.expected));
  return { exact: expecting.filter((row) => passes(row, level)).length / expecting.length, half: 0.5 };
};
const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);

// Ours keeps the null that stands beside tool calls; the other leaves it out. Providers take both.
const withoutNullContent = (built) => {
  for (const message of built.request?.messages ?? []) {
    if (message.content === null) delete message.content;
  }
  return built;
};

export const checkTogether = (seen) => {
  for (const writer of ["ours", "theirs"]) {
    for (const reader of ["ours", "theirs"]) checkDataset(writer, reader, seen.datasets[writer]);
  }

  const { theirs, ours } = seen.evals;
  checkEval("theirs", theirs.spans, seen.datasets.ours.theirs, { level: "easy" });
  const extras = { classifier: "kind", step: true };
  checkEval("ours", ours.baseSpans, seen.datasets.theirs.theirs, { level: "easy", ...extras });
  checkEval("ours", ours.spans, seen.datasets.theirs.theirs, { level: "hard", ...extras });

  const { base, next } = ours.printed;
  check("averages are those of the cases, for both SDKs", () => {
    for (const [name, average] of Object.entries(averages("easy"))) {
      near(theirs.printed.scores[name].score, average);
      near(base.scores[name].score, average);
    }
    near(next.scores.exact.score, averages("hard").exact);
    assert.equal(base.cases, rows.length);
    assert.deepEqual([base.failed_cases, base.error, base.interrupted], [0, null, false]);
  });
  check("an experiment of C++ is compared with its base by the JavaScript SDK as C++ printed it", () => {
    const { summary } = ours;
    assert.equal(next.comparison_experiment_name, base.experiment_name);
    assert.equal(summary.comparisonExperimentName, base.experiment_name);
    assert.equal(summary.experimentName, next.experiment_name);
    assert.equal(summary.experimentId, next.experiment_id);
    assert.equal(summary.projectName, next.project_name);
    assert.equal(summary.experimentUrl, next.experiment_url);
    const expecting = rows.filter((row) => !absent(row.expected));
    const of = (level) => expecting.filter((row) => passes(row, level)).length;
    const { diff, improvements, regressions } = next.scores.exact;
    near(diff, averages("hard").exact - averages("easy").exact);
    assert.deepEqual([improvements, regressions], [of("hard"), of("easy")]);
    for (const kind of ["scores", "metrics"]) {
      assert.deepEqual(Object.keys(next[kind]).sort(), Object.keys(summary[kind]).sort());
      for (const [name, printed] of Object.entries(next[kind])) {
        for (const [key, value] of Object.entries(printed)) assert.deepEqual(value, summary[kind][name][key] ?? null, `${name}.${key}`);
      }
    }
  });
  check("an experiment of C++ names its dataset, at its version, and its metadata", () => {
    assert.equal(ours.stored.dataset_id, seen.datasets.theirs.theirs.id);
    assert.deepEqual(asWritten(ours.rowsAtStoredVersion), sorted(rows));
    assert.deepEqual(ours.stored.metadata, { level: "hard" });
  });

  for (const [i, { name, refused }] of prompts.entries()) {
    check(`a prompt becomes the same request for both SDKs: ${name}`, () => {
      const built = seen.prompts[i];
      if (refused) {
        assert.ok(built.theirs.error, `the JavaScript SDK took it: ${JSON.stringify(built.theirs)}`);
        assert.ok(built.ours.error, `the C++ SDK took it: ${JSON.stringify(built.ours)}`);
      } else {
        assert.deepEqual(withoutNullContent(built.ours), built.theirs);
      }
    });
  }
};
