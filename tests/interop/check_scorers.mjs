// What scorers.mjs must have seen: of each case the same grade, or the difference that the case records.

import assert from "node:assert/strict";
import { check } from "./checking.mjs";
import { scorerCases } from "./scorer_cases.mjs";

const numbers = (...values) => values.every((value) => typeof value === "number");
const same = (left, right) => left === right || (numbers(left, right) && Math.abs(left - right) <= 1e-9);
const shortened = (value) => {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
};
const sentence = ({ scorer, options, output, expected, differs }) => {
  const settings = Object.keys(options).length > 0 ? ` ${shortened(options)}` : "";
  const agreement = differs ? `is not that of autoevals, because ${differs.why}` : "is that of autoevals";
  return `the ${scorer}${settings} of ${shortened(output)} beside ${shortened(expected)} ${agreement}`;
};

export const checkScorers = ({ theirs, ours }) => {
  for (const [i, one] of scorerCases.entries()) {
    check(sentence(one), () => {
      const graded = `autoevals: ${JSON.stringify(theirs[i])}, C++: ${JSON.stringify(ours[i])}`;
      if (one.differs) {
        assert.ok(same(theirs[i].score, one.differs.theirs) && same(ours[i].score, one.differs.ours), `another difference: ${graded}`);
        return;
      }
      assert.ok(same(theirs[i].score, ours[i].score), graded);
      assert.equal(theirs[i].name, ours[i].name);
      if (one.pairs) assert.deepEqual(ours[i].metadata.pairs, theirs[i].metadata.pairs);
    });
  }
};
