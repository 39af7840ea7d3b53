// Logs what a service would, with the official SDK and nothing but its public calls. check.mjs knows what must have arrived.

import { Attachment, ReadonlyAttachment, flush, initLogger, startSpan, updateSpan } from "braintrust";

const logger = initLogger({ projectName: "Interop" });

let rowId;
let slug;
await logger.traced(
  async (root) => {
    rowId = root.id;
    root.log({
      input: { question: "Where is my order?", text: "größer 日本語 😀" },
      metadata: { user_id: "u-1", nested: { a: 1 } },
      tags: ["support"],
    });
    await root.traced(
      async (retrieval) => {
        retrieval.log({ input: "order", output: [{ id: "doc-1", score: 0.25 }] });
        await retrieval.traced(
          async (call) =>
            call.log({
              input: [{ role: "user", content: "hi" }],
              output: { role: "assistant", content: "hello" },
              metrics: { prompt_tokens: 40, completion_tokens: 2, tokens: 42 },
            }),
          { name: "chat", type: "llm" },
        );
      },
      { name: "retrieve", type: "tool" },
    );
    await root
      .traced(
        async () => {
          throw new Error("the warehouse did not answer");
        },
        { name: "warehouse", type: "function" },
      )
      .catch(() => {});
    root.log({ output: "Tomorrow.", scores: { accuracy: 0.5 }, metadata: { nested: { b: 2 } } });
    slug = await root.export();
  },
  { name: "answer" },
);
await flush();

// What comes later, to rows that are stored already: these are merges in the server.
logger.logFeedback({
  id: rowId,
  scores: { thumbs: 1 },
  expected: "On Tuesday.",
  tags: ["support", "reviewed"],
  comment: "came a day late",
  metadata: { by: "u-2" },
});
updateSpan({ exported: slug, metadata: { updated: true } });
await flush();

// Another process would continue the trace like this.
const remote = startSpan({ name: "remote", parent: slug });
remote.log({ input: "from elsewhere" });
remote.end();

// Half an emoji, as a text cut by length leaves it: no strict JSON reader takes it.
const cut = startSpan({ name: "cut" });
cut.log({ input: "cut \ud83d" });
cut.end();

// Beyond one megabyte, and beyond what one request may hold (the SDK then uploads it apart).
const large = startSpan({ name: "large" });
large.log({ input: "x".repeat(1_500_000) });
large.end();
const huge = startSpan({ name: "huge" });
huge.log({ input: "y".repeat(7_000_000), output: "z" });
huge.end();

// An image beside the row, and read back as the service's own pages would.
const image = new Attachment({
  data: new Blob([new Uint8Array(2048).fill(7)]),
  filename: "cat.png",
  contentType: "image/png",
});
const drawn = startSpan({ name: "drawn" });
drawn.log({ input: { image } });
drawn.end();
await flush();
const stored = new Uint8Array(await (await new ReadonlyAttachment(image.reference).data()).arrayBuffer());
const readBack = startSpan({ name: "read back" });
readBack.log({ output: [stored.length, stored[0], stored.at(-1)] });
readBack.end();

for (let i = 0; i < 300; ++i) {
  const span = startSpan({ name: `many-${i}` });
  span.log({ output: i });
  span.end();
}
await flush();
