// Asks the running backend for the names of the projects that rows are in, and writes them by id.
//
//   node projects.mjs PROGRAM DATABASE NAMES

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";

const [program, database, namesFile] = process.argv.slice(2);
const rows = JSON.parse(execFileSync(program, ["show", "--db", database, "--json"], { encoding: "utf8", maxBuffer: 1 << 28 }));
const names = {};
for (const id of new Set(rows.map((row) => row.project_id).filter(Boolean))) {
  const answer = await fetch(`${process.env.BRAINTRUST_APP_URL}/api/project?id=${id}`, { headers: { Authorization: "Bearer any" } });
  if (answer.ok) names[id] = (await answer.json()).name;
}
writeFileSync(namesFile, JSON.stringify(names));
