// Grades the cases of scorer_cases.mjs by autoevals and by C++, and writes what each said; check_scorers.mjs judges.
//
//   node scorers.mjs INTEROP_SCORERS SEEN

import * as autoevals from "autoevals";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { startEmbeddingServer } from "./embedding_server.mjs";
import { scorerCases } from "./scorer_cases.mjs";

const [program, seenFile] = process.argv.slice(2);
const casesFile = "scorer_cases.json";
const embeddings = await startEmbeddingServer();
Object.assign(process.env, { OPENAI_BASE_URL: embeddings.url, OPENAI_API_KEY: "anything" });

const withScorers = (options) =>
  Object.fromEntries(Object.entries(options).map(([key, value]) => [key, key.endsWith("Scorer") ? autoevals[value] : value]));
const theirs = [];
for (const { scorer, options, output, expected } of scorerCases) {
  try {
    const { name, score, metadata } = await autoevals[scorer]({ output, expected, ...withScorers(options) });
    theirs.push({ name, score: Number.isNaN(score) ? "NaN" : score, metadata });
  } catch (error) {
    theirs.push({ score: "error", error: error.message });
  }
}

writeFileSync(casesFile, JSON.stringify(scorerCases));
const { stdout } = await promisify(execFile)(program, [casesFile], { maxBuffer: 1 << 28 });
embeddings.stop();
writeFileSync(seenFile, JSON.stringify({ theirs, ours: JSON.parse(stdout) }));
