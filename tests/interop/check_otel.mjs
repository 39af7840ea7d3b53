// What otel.mjs must have left in the local backend, field by field, whichever way it came.

import assert from "node:assert/strict";
import { check } from "./checking.mjs";

// `projects`: names by id. `show`: braintrust-local's output.
export const checkOtel = (everything, show, projects) => {
  for (const way of ["json", "protobuf", "braintrust"]) {
    const named = (name) => {
      const found = everything.filter((row) => row.span_attributes?.name === `${name} (${way})`);
      assert.equal(found.length, 1, `one span named ${name}`);
      return found[0];
    };
    const says = (sentence, test) => check(`OpenTelemetry by ${way}: ${sentence}`, test);

    says("spans are nested, each there once, with times", () => {
      const root = named("order");
      assert.ok(!root.span_parents?.length);
      for (const name of ["chat gpt-5", "warehouse"]) {
        assert.deepEqual(named(name).span_parents, [root.span_id]);
        assert.equal(named(name).root_span_id, root.root_span_id);
        const { start, end } = named(name).metrics;
        assert.ok(start > 1.7e9 && end >= start);
      }
      assert.match(root.id, /^[0-9a-f]{32}-[0-9a-f]{16}$/);
    });
    says("attributes of every type are kept under their names", () => {
      const { metadata } = named("order");
      assert.equal(metadata.text, 'größer 日本語 😀 "quoted"');
      assert.deepEqual([metadata.yes, metadata.int, metadata.double], [true, -7, 0.25]);
      assert.equal(metadata.large, Number.MAX_SAFE_INTEGER);
      assert.deepEqual(metadata.texts, ["a", "b"]);
      assert.deepEqual(metadata.bools, [true, false]);
      assert.deepEqual(metadata.ints, [1, 2, 3]);
      assert.deepEqual(metadata.doubles, [0.5, 1.5]);
      assert.deepEqual(metadata.none, []);
    });
    says("Braintrust's attributes are the fields they name", () => {
      const root = named("order");
      assert.deepEqual(root.input, { order: 7 });
      assert.equal(root.output, "Tomorrow.");
      assert.equal(root.metadata.user_id, "u-1");
      assert.deepEqual(root.scores, { accuracy: 0.5 });
      assert.deepEqual(root.tags, ["support", way]);
      assert.ok(!("error" in root));
    });
    says("a span says who made it, where, and in which process", () => {
      const { context, metadata } = named("order");
      assert.equal(context.caller_functionname, "placeOrder");
      assert.equal(context.caller_lineno, 12);
      // Braintrust's processor says outright that the span is its own.
      if (way !== "braintrust") {
        assert.equal(context.span_origin.name, "opentelemetry");
        assert.deepEqual(context.span_origin.instrumentation, { name: "interop.shop" });
        assert.match(context.span_origin.version, /^\d+\.\d+/);
      }
      assert.deepEqual(metadata.otel.scope, { name: "interop.shop", version: "1.2.3" });
      assert.equal(metadata.otel.kind, "server");
      assert.equal(metadata.otel.resource["service.name"], "shop");
      assert.equal(metadata.otel.resource["deployment.environment.name"], "interop");
    });
    says("a model call has type, model, tokens and messages", () => {
      const call = named("chat gpt-5");
      assert.equal(call.span_attributes.type, "llm");
      const { prompt_tokens, completion_tokens, tokens } = call.metrics;
      assert.deepEqual({ prompt_tokens, completion_tokens, tokens }, { prompt_tokens: 40, completion_tokens: 2, tokens: 42 });
      assert.equal(call.metadata.model, "gpt-5");
      assert.equal(call.metadata.provider, "openai");
      assert.deepEqual(call.input, [{ role: "user", content: "Is it there?" }]);
      assert.deepEqual(call.output, [
        { index: 0, message: { role: "assistant", content: "Tomorrow." }, finish_reason: "stop" },
      ]);
    });
    says("events and links are kept", () => {
      const { events } = named("chat gpt-5").metadata.otel;
      assert.deepEqual(events, [{ name: "first token", time: "2023-11-14T22:13:20.500000Z", attributes: { delay: 0.125 } }]);
      const { links } = named("warehouse").metadata.otel;
      const { root_span_id, span_id } = named("chat gpt-5");
      assert.deepEqual(links, [{ trace_id: root_span_id, span_id, attributes: { why: "it asked" } }]);
    });
    says("an exception is the error of its span, its stack is kept", () => {
      const failed = named("warehouse");
      assert.equal(failed.error, "TypeError: no such shelf");
      assert.match(failed.metadata.otel.events[0].attributes["exception.stacktrace"], /otel\.mjs/);
    });
    says("the header names the project, a span's attribute another", () => {
      const header = { json: "OTel json", protobuf: "Global", braintrust: "OTel braintrust" }[way];
      assert.equal(projects[named("order").project_id], header);
      assert.equal(projects[named("elsewhere").project_id], `Elsewhere ${way}`);
      assert.ok(!JSON.stringify(named("elsewhere").metadata).includes("braintrust.parent"));
    });
    says("the tree shows it", () => {
      const tree = show(named("order").root_span_id);
      assert.match(tree, /^order \(\w+\) .*$/m);
      assert.match(tree, /^├─ chat gpt-5 \(\w+\) +llm .*42 tok$/m);
      assert.match(tree, /in +user: Is it there\?$/m);
      assert.match(tree, /✗ TypeError: no such shelf$/m);
      assert.doesNotMatch(tree, /parent missing/);
    });
  }
};

// `printed`: what `braintrust-local run` shows of otel.mjs, which went on with the trace of `traceparent`.
// What `interop_cases call` and `otel.mjs join` left: a call from C++ to JavaScript, and from there to C++ again.
export const checkJoined = (everything, projects) => {
  const named = (name) => everything.find((row) => row.span_attributes?.name === name);
  const chain = ["call from C++", "order (join)", "answer from C++"].map(named);
  check("one trace goes from C++ to JavaScript and on to C++, by W3C headers alone", () => {
    assert.ok(chain.every(Boolean), "all three are there");
    assert.ok(!chain[0].span_parents?.length);
    for (const at of [1, 2]) {
      assert.deepEqual(chain[at].span_parents, [chain[at - 1].span_id]);
      assert.equal(chain[at].root_span_id, chain[0].root_span_id);
    }
  });
  // (Braintrust's processor for JavaScript passes the baggage on without reading it.)
  check("what C++ answers is in the caller's project, as the baggage said", () => {
    for (const row of [chain[0], chain[2]]) assert.equal(projects[row.project_id], "Interop: join, 100% größer");
  });
};

export const checkOtelRun = (printed, traceparent) => {
  const [, traceId] = traceparent.split("-");
  check("braintrust-local run points OpenTelemetry at itself, and a program goes on with a trace from outside", () => {
    assert.match(printed, new RegExp(`^trace ${traceId.slice(0, 8)}.* 3 spans .*1 error`, "m"));
    assert.match(printed, /order \(protobuf\) \(parent missing\)/);
    assert.match(printed, /chat gpt-5 \(protobuf\) +llm .*42 tok$/m);
  });
};
