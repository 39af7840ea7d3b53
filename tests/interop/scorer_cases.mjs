// What autoevals and the C++ scorers both grade: { scorer, options, output, expected }, in the words of autoevals.
//
// A scorer in the options is named. Where the best pairs of two lists are the only ones, `pairs` asks for them, too. What one
// of both grades otherwise on purpose is a case as well: `differs` says why, and what each says, "error" for a refusal. So
// neither changes unnoticed.

import { madeCases } from "./scorer_cases_made.mjs";

const cases = [];
const grade = (scorer, options, both, more = {}) => {
  for (const [output, expected] of both) cases.push({ scorer, options, output, expected, ...more });
};
const differ = (why, scorer, options, triples) => {
  for (const [output, expected, theirs, ours] of triples) {
    cases.push({ scorer, options, output, expected, differs: { why, theirs, ours } });
  }
};
const nothing = undefined; // no `expected` at all

// --- Texts ---

grade("Levenshtein", {}, [
  ["", ""], ["", "abc"], ["abc", ""], ["a", "a"], ["a", "A"], ["kitten", "sitting"], ["xabxcdxxefxgx", "1ab2cd34ef5g6"],
  ["größer", "grosser"], ["日本語", "日本"], ["e\u0301", "é"], ["🙂", "🙂"], ["a\u0000b", "ab"], ["\u2028", "\n"], [" a ", "a"],
  ["a".repeat(64) + "b", "b" + "a".repeat(64)], ["ab".repeat(100), "ba".repeat(100)], ["a".repeat(200), "a"],
  [1, "1"], ["0.25", 0.5], [true, "true"], [null, "none"], [-0.125, 12], ["a", nothing],
]);
differ("autoevals for JavaScript counts UTF-16 units, we count code points", "Levenshtein", {}, [["🙂a", "🙃a", 2 / 3, 0.5]]);
differ("JavaScript writes every object as [object Object], we write its JSON", "Levenshtein", {}, [[{ a: 1 }, { b: 2 }, 1, 5 / 7]]);
differ("JavaScript writes lists without brackets, we write their JSON", "Levenshtein", {}, [[[1, 2], "[1,2]", 0.6, 1]]);
differ("an expected value of null is none", "Levenshtein", {}, [["null", null, 1, "error"]]);

const exact = [
  ["hello", "hello"], ["hello", "Hello"], ["", ""], [1, 1], [1, 2], [0.1, "0.1"], ["1", "1.0"], [true, true], [true, 1],
  ["true", true], [null, null], [null, nothing], [null, ""], [null, 0], ["null", null], [null, {}], [{}, {}], [[], {}],
  [[1, 2], [1, 2]], [[1, 2], [2, 1]], [[1, 2], "[1, 2]"], [[1, 2], " [1,2] "], [{ a: 1, b: [null] }, { a: 1, b: [null] }],
  [{ a: 1 }, { a: 1, b: null }], [{ a: { b: "ü" } }, '{ "a": { "b": "\\u00fc" } }'], [{ a: 1 }, '{"a":1'], ['{"a": 1}', '{"a":1}'],
  [[1], "[1.0]"], [[1], "1"],
];
grade("ExactMatch", {}, exact);
differ("for us the order of keys does not count", "ExactMatch", {}, [
  [{ a: 1, b: 2 }, { b: 2, a: 1 }, 0, 1],
  ['{"b": 2, "a": 1}', { a: 1, b: 2 }, 0, 1],
]);
differ("JavaScript takes null for an object and so reads the text beside it", "ExactMatch", {}, [[null, " null ", 1, 0]]);

// --- Numbers ---

grade("NumericDiff", {}, [
  [0, 0], [0, 1], [1, 0], [1, 1], [1, 2], [-1, 1], [-1, -2], [99, 101], [0.1, 0.3], [0.30000000000000004, 0.3], [-0.5, 0.25],
  [1e-300, 2e-300], [5e-324, 1e-323], [1e-323, 5e-324], [5e-324, 5e-324], [5e-324, 0], [1e-320, -1e-320], [1e15, 1e15 + 1],
  [1e308, 1e308], [1e308, 1], [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1], [true, true], [true, false], [true, 0.5],
  [1, nothing],
]);
differ("we divide where JavaScript's sum is infinite", "NumericDiff", {}, [
  [1.6e308, 1.2e308, 1, 1 - 0.4 / 2.8],
  [1e308, -1e308, "NaN", 0],
]);
differ("JavaScript divides 0 by 0", "NumericDiff", {}, [[false, false, "NaN", 1]]);
differ("what is no number is no answer of 0 to us", "NumericDiff", {}, [
  ["1", 1, 1, "error"],
  [null, 1, 0, "error"],
  [1, null, 0, "error"],
]);

// --- Any JSON ---

const alike = [
  ["mango", "mango"], ["", ""], ["abc", "abd"], [1, 3], [0, 0], [-1, 1], [null, null], [null, nothing], [null, 0], [null, ""],
  ["null", null], [{}, {}], [[], []], [{}, []], [[], [1]], [{}, { a: 1 }], [{ a: 1 }, { b: 1 }], [true, true], [true, "true"],
  [{ a: "x", b: "y" }, { a: "x", b: "z" }], [{ a: 1 }, { a: 1, b: 2 }], [{ a: 1 }, { a: 1, b: null }], [{ a: null }, {}],
  [{ a: { b: 1, c: 2 }, d: 1 }, { a: { b: 1, c: -2 }, d: 1 }], [{ a: [1, { b: "größer" }] }, { a: [1, { b: "grosser" }] }],
  [["a", "b", "c"], ["a", "b", "c", "d"]], [["a", "b"], ["b", "a"]], [["a", "a"], ["a"]], [[null, 1], [null, 2]], [[[1], []], [[2]]],
  ["1", 1], [12, [12]], [[1, 2], { 1: 2 }], [{ b: 1, a: [2] }, "b1"], [{ "日本": "\u0007\n\"\\/\u007f\u2028" }, "日本"],
  [{ b: { d: 1, c: 2 } }, [1e21, 0.0001]], ['{"a": 1, "b": 2}', { b: 2, a: 1 }], [{ inner: " [1, 2]" }, { inner: [1, 2] }],
  [["[[1]]"], [[["1"]]]], ["10", "12"], ["[1", "[2"], ['"{}"', {}], ['{"a":1,"a":2}', { a: 2 }], ["[1]", "[ 1 ]"],
];
grade("JSONDiff", {}, alike);
grade("JSONDiff", { preserveStrings: true }, [["[1]", "[ 1 ]"], ['{"a": 1}', { a: 1 }], [{ a: "[1]" }, { a: [1] }], [[1], [1]]]);
grade("JSONDiff", { stringScorer: "ExactMatch" }, [[["ab", 1], ["ac", 3]], [{ a: "x", b: 1 }, { a: "x", b: "1" }], ["", "a"]]);
grade("JSONDiff", { numberScorer: "ExactMatch" }, [[["ab", 1], ["ac", 3]], [{ a: 1, b: [2, 2] }, { a: 1, b: [2, 3] }]]);
differ("for us true and false are 1 and 0, as in Python", "JSONDiff", {}, [
  [true, false, 0.2, 0],
  [{ a: true }, { a: 1 }, 0, 1],
]);
differ("we write 1.0 as it was read, JavaScript as 1", "JSONDiff", {}, [["[1.0]", 1, 1 / 3, 1 / 5]]);
differ("in JavaScript keys that are numbers come first", "JSONDiff", {}, [[{ 10: 1, 9: 1 }, ["9", 1, "10", 1], 10 / 14, 6 / 14]]);

// --- JSON and schemas ---

const gradeJson = (options, outputs) => grade("ValidJSON", options, outputs.map((output) => [output]));
gradeJson({}, [{}, [], { a: 1 }, "{}", "[]", " [1, 2]\n", null, true, 1, "", "a", "1", '"text"', "null", "{a: 1}", "[1,]", "[1] 2", "\u00a0[]"]);
const fitting = (schema, outputs) => gradeJson({ schema }, outputs);
fitting({}, [null, 1, "1", "a", "[1", {}]);
fitting({ type: "integer" }, [1, "2.0", 2.5, "3", '"3"', true, null]);
fitting({ type: ["string", "null"] }, [null, "null", "a", '"a"', 1]);
fitting({ type: "number", exclusiveMinimum: 0, maximum: 2, multipleOf: 0.5 }, [0, 0.5, 0.75, 2, 2.5, "1e0", -0.5]);
fitting({ type: "string", pattern: "^\\d{3}-[a-zä]+$|^$", minLength: 0, maxLength: 6 }, ['"123-äb"', '""', '"123-"', '"123-abc"', '"ab"', 1]);
fitting({ type: "string", minLength: 2, maxLength: 2 }, ['"🙂a"', '"é"', '"日本"', '"日本語"']);
fitting({ enum: ["a", 1, [1, 2], null, { a: 1 }] }, ['"a"', "1.0", [1, 2], [2, 1], null, { a: 1 }, { a: 1, b: 2 }, true]);
fitting({ const: { a: [1] } }, [{ a: [1] }, '{ "a": [1.0] }', { a: 1 }, []]);
fitting(
  {
    type: "object",
    properties: { name: { type: "string", minLength: 2 }, age: { type: "integer", minimum: 0 } },
    required: ["name"],
    additionalProperties: false,
  },
  [{ name: "Ada" }, { name: "🙂" }, '{"name": "Ada", "age": 36}', { name: "Ada", age: -1 }, { age: 1 }, { name: "Ada", job: "x" }, "name", []],
);
fitting(
  { type: "array", items: { type: "number", minimum: -1, exclusiveMaximum: 3 }, minItems: 1, maxItems: 3, uniqueItems: true },
  [[1, 2], "[1, 2, 3]", [], [1, 1], [1, "1"], [-1, 0, 1, 2], [-2], [null], {}],
);
fitting(
  { type: "array", items: [{ type: "string" }, { type: "integer" }], minItems: 2, additionalItems: false },
  [["a", 1], ["a"], [1, "a"], ["a", 1, 2]],
);
fitting({ type: "array", contains: { const: 1 }, uniqueItems: true }, [[0, 1], [0], [1, true], [{ a: 1 }, 1, { a: 1 }]]);
fitting({ anyOf: [{ type: "integer", multipleOf: 3 }, { type: "number", multipleOf: 2.5 }] }, [9, 7.5, 10, 7, "a"]);
fitting({ oneOf: [{ type: "number", minimum: 2 }, { type: "number", maximum: 4 }] }, [1, 3, 5, null]);
fitting({ allOf: [{ not: { type: "object" } }, { not: { type: "array" } }] }, [1, {}, [], "[]", "null"]);
const node = {
  type: "object",
  properties: { name: { type: "string" }, children: { type: "array", items: { $ref: "#/definitions/node" } } },
  required: ["name"],
};
fitting({ definitions: { node }, $ref: "#/definitions/node" }, [
  { name: "root" },
  { name: "root", children: [{ name: "leaf" }, { name: "twig", children: [{ name: "leaf" }] }] },
  { name: "root", children: [{ name: "leaf" }, { name: "twig", children: [{ name: 1 }] }] },
  { children: [] },
]);
fitting(
  {
    type: "object",
    if: { properties: { kind: { const: "card" } }, required: ["kind"] },
    then: { required: ["number"] },
    else: { required: ["iban"] },
  },
  [{ kind: "card", number: 7 }, { kind: "card", iban: "x" }, { kind: "giro", iban: "x" }, { kind: "giro" }, {}],
);
fitting(
  { type: "object", minProperties: 1, maxProperties: 2, propertyNames: { pattern: "^[a-z]+$" }, patternProperties: { "^n": { type: "number" } } },
  [{ n: 1 }, { n: "1" }, { name: 1, a: null }, { "größe": 1 }, {}, { a: 1, b: 2, c: 3 }],
);
fitting(
  { type: "object", dependencies: { kind: ["number"] }, additionalProperties: { type: ["number", "null"] } },
  [{ number: 1 }, { kind: 1 }, { kind: null, number: 1 }, { kind: "a", number: 1 }],
);
const differInJson = (why, schema, output, theirs, ours) => differ(why, "ValidJSON", { schema }, [[output, nothing, theirs, ours]]);
differInJson("a schema that cannot be read is an error to us", { type: "int" }, 1, 0, "error");
differInJson("its validator knows draft 7 only", { type: "array", prefixItems: [{ type: "string" }] }, ["a"], 0, 1);
differInJson("its validator knows no format, and we ignore them as the standard has it", { type: "string", format: "email" }, '"@"', 0, 1);
differInJson("0.3 is three times 0.1, though not in binary", { type: "number", multipleOf: 0.1 }, 0.3, 0, 1);

// --- Lists ---

const lists = [
  [[], []], [[], ["a"]], [["a"], []], [["a"], ["a"]], [["ab"], ["ac"]], [["a", "b", "c"], ["c", "a", "b"]], [["a"], ["a", "b"]],
  [["a", "b", "c", "d"], ["a"]], [["a", "a"], ["a", "b"]], [["a", "a", "a"], ["a", "a"]], [["ab", "ac"], ["ab", "ax"]],
  [["größer", "日本語"], ["日本", "grosser"]], [["", "a"], ["", ""]], [[1, 2.5], ["2.5", 1]], [[null, "a"], ["nul", "b"]], [["a"], nothing],
];
for (const allowExtraEntities of [false, true]) grade("ListContains", { allowExtraEntities }, lists);
grade("ListContains", { pairwiseScorer: "NumericDiff" }, [[[1, 2, 3], [3, 1]], [[10, -10], [9, -9, 0]], [[0, 0], [0, 1e-9]]]);
grade("ListContains", { pairwiseScorer: "ExactMatch", allowExtraEntities: true }, [[["a", "b", "b"], ["b", "c"]], [[{ a: 1 }, [2]], [[2]]]]);
grade("ListContains", { pairwiseScorer: "JSONDiff" }, [[[{ a: 1 }, { a: "x" }], [{ a: "y" }, { a: 2 }]], [[null, [1]], [[1, 2], null, 3]]]);
grade("ListContains", { pairwiseScorer: "ListContains" }, [[[["a"], ["b", "c"]], [["c", "b"], ["x"]]]]);
const onlyPairs = [[["b", "a"], ["a", "b"]], [["xyz", "größer"], ["q", "xy", "grosser"]], [[3, "ab", "abc"], ["abcd", "3"]]];
grade("ListContains", {}, onlyPairs, { pairs: true });
differ("an expected entry of null is none, so it cannot be compared as a text", "ListContains", {}, [[["a"], [null], 0, "error"]]);

// --- Embeddings (of embedding_server.mjs) ---

const meanings = [["east", "east"], ["east", "west"], ["größer", "日本語 🙂"], ["", "a"], [12, "12"], [true, "a"], ["a", nothing]];
for (const options of [{}, { expectedMin: 0 }, { expectedMin: -1, prefix: "city: " }, { expectedMin: 0.25, model: "another" }]) {
  grade("EmbeddingSimilarity", options, meanings);
}

export const scorerCases = [...cases, ...madeCases];
