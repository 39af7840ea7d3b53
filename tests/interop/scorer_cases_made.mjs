// Many cases for the scorers, always the same: two values that have something in common, as an answer and the right one have.
// What scorer_cases.mjs records as a difference is not made: letters beyond U+FFFF, true and false, numbers that JavaScript
// writes otherwise.

// Mulberry32.
let state = 20240607;
const random = () => {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};
const below = (count) => Math.floor(random() * count);
const one = (list) => list[below(list.length)];
const several = (count, make) => Array.from({ length: count }, make);

const text = (longest) => {
  const letters = one(["ab", "abcdefgh ", "aäeéoöß ", "日本語世界", "e\u0301\u0308\t\"\\"]);
  return several(below(longest + 1), () => one(letters)).join("");
};
const changedText = (value) => {
  const at = below(value.length + 1);
  return one([value, value.slice(0, at) + text(3) + value.slice(at), value.slice(0, at) + value.slice(at + 2), text(8) + value, text(20)]);
};

const shortNumber = () => one([0, 1, -1, below(1000), -below(1000) / 8, below(10) / 10]);
const anyNumber = () => one([shortNumber(), (random() - 0.5) * 10 ** (below(600) - 300)]);
const changedNumber = (value) => one([value, -value, value * (1 + (random() - 0.5) / 4), value * 1e-9, shortNumber()]);

const keys = ["a", "b", "größe", "日本", "with space"];
const value = (depth) => {
  const kind = depth === 0 ? below(3) : below(6);
  if (kind === 0) return null;
  if (kind === 1) return shortNumber();
  if (kind === 2) return text(12);
  if (kind === 3) return several(below(4), () => value(depth - 1));
  return Object.fromEntries(keys.filter(() => random() < 0.5).map((key) => [key, value(depth - 1)]));
};
const changed = (given) => {
  if (random() < 0.1) return value(2);
  if (typeof given === "string") return changedText(given);
  if (typeof given === "number") return one([given, shortNumber()]);
  if (given === null) return null;
  if (Array.isArray(given)) return one([given, given.slice(1), [...given, value(1)], given.map(changed)]);
  return Object.fromEntries(Object.entries(given).filter(() => random() < 0.9).map(([key, inner]) => [key, changed(inner)]));
};
const maybeWritten = (given) => (random() < 0.2 ? JSON.stringify(given, null, below(3)) : given);

const list = (make, change) => {
  const output = several(below(8), make);
  const expected = output.filter(() => random() < 0.8).map(change).sort(() => random() - 0.5);
  return { output: [...output, ...output.slice(0, below(2))], expected: [...expected, ...several(below(4), make)] };
};

const made = (count, make) => several(count, () => ({ options: {}, ...make() }));

export const madeCases = [
  ...made(40, () => {
    const output = text(one([5, 40, 300]));
    return { scorer: "Levenshtein", output, expected: changedText(output) };
  }),
  ...made(40, () => {
    const output = anyNumber();
    return { scorer: "NumericDiff", output, expected: changedNumber(output) };
  }),
  ...made(40, () => {
    const output = value(3);
    return { scorer: "ExactMatch", output: maybeWritten(output), expected: maybeWritten(one([output, output, changed(output)])) };
  }),
  ...made(80, () => {
    const output = value(4);
    return { scorer: "JSONDiff", options: { preserveStrings: random() < 0.2 }, output: maybeWritten(output), expected: maybeWritten(changed(output)) };
  }),
  ...made(60, () => ({ scorer: "ListContains", options: { allowExtraEntities: random() < 0.3 }, ...list(() => text(8), changedText) })),
  ...made(20, () => ({ scorer: "ListContains", options: { pairwiseScorer: "NumericDiff" }, ...list(shortNumber, changedNumber) })),
];
