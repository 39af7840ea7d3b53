// Traces a little shop with OpenTelemetry and nothing but its public packages. check_otel.mjs knows what must have arrived.
//
//   node otel.mjs json         the JSON exporter, told where to send in code; each span in a request of its own, children first,
//                              and all of them a second time
//   node otel.mjs protobuf     the protobuf exporter, told by the environment alone; compressed
//   node otel.mjs braintrust   Braintrust's span processor for OpenTelemetry
//
//   node otel.mjs join         likewise, told nothing of where its spans belong; prints what it would send to a further service
//
// With TRACEPARENT in the environment ("00-<trace>-<span>-01"), and perhaps BAGGAGE, it goes on with that trace.

import {
  ROOT_CONTEXT, SpanKind, SpanStatusCode, context, defaultTextMapGetter, defaultTextMapSetter, propagation, trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { BraintrustSpanProcessor } from "@braintrust/otel";

const way = process.argv[2];

// Keeps what ended, to send it again.
const ended = [];
const keeping = { onStart() {}, onEnd: (span) => ended.push(span), forceFlush: async () => {}, shutdown: async () => {} };
const sendAgain = (exporter) =>
  new Promise((resolve, reject) => exporter.export(ended, ({ code, error }) => (code === 0 ? resolve() : reject(error))));

let exporter;
const processors = {
  json: () => {
    const url = `${process.env.BRAINTRUST_API_URL}/otel/v1/traces`;
    exporter = new JsonExporter({ url, headers: { Authorization: "Bearer any", "x-bt-parent": "project_name:OTel json" } });
    return [new SimpleSpanProcessor(exporter), keeping];
  },
  protobuf: () => [new BatchSpanProcessor(new ProtobufExporter())],
  braintrust: () => [new BraintrustSpanProcessor({ apiKey: "any", parent: "project_name:OTel braintrust" })],
  join: () => [new BraintrustSpanProcessor({ apiKey: "any", parent: "project_name:not this one" })],
}[way]();

const provider = new NodeTracerProvider({
  resource: defaultResource().merge(
    resourceFromAttributes({ "service.name": "shop", "deployment.environment.name": "interop" }),
  ),
  spanProcessors: processors,
});
provider.register();
const tracer = trace.getTracer("interop.shop", "1.2.3");

const { TRACEPARENT: traceparent, BAGGAGE: baggage } = process.env;
const outside = traceparent ? propagation.extract(ROOT_CONTEXT, { traceparent, baggage }, defaultTextMapGetter) : ROOT_CONTEXT;

const root = tracer.startSpan(
  `order (${way})`,
  {
    kind: SpanKind.SERVER,
    attributes: {
      text: "größer 日本語 😀 \"quoted\"",
      yes: true,
      int: -7,
      large: Number.MAX_SAFE_INTEGER,
      double: 0.25,
      texts: ["a", "b"],
      bools: [true, false],
      ints: [1, 2, 3],
      doubles: [0.5, 1.5],
      none: [],
      "code.function.name": "placeOrder",
      "code.line.number": 12,
      "braintrust.input_json": JSON.stringify({ order: 7 }),
      "braintrust.metadata": JSON.stringify({ user_id: "u-1" }),
      "braintrust.scores": JSON.stringify({ accuracy: 0.5 }),
      "braintrust.tags": ["support", way],
    },
  },
  outside,
);
const inRoot = trace.setSpan(outside, root);

if (way === "join") {
  const headers = {};
  propagation.inject(inRoot, headers, defaultTextMapSetter);
  console.log(JSON.stringify(headers));
}

const chat = tracer.startSpan(`chat gpt-5 (${way})`, { kind: SpanKind.CLIENT }, inRoot);
chat.setAttributes({
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "openai",
  "gen_ai.request.model": "gpt-5",
  "gen_ai.usage.input_tokens": 40,
  "gen_ai.usage.output_tokens": 2,
  "gen_ai.input.messages": JSON.stringify([{ role: "user", parts: [{ type: "text", content: "Is it there?" }] }]),
  "gen_ai.output.messages": JSON.stringify([
    { role: "assistant", parts: [{ type: "text", content: "Tomorrow." }], finish_reason: "stop" },
  ]),
});
chat.addEvent("first token", { delay: 0.125 }, new Date(1_700_000_000_500));
chat.end();

const warehouse = tracer.startSpan(
  `warehouse (${way})`,
  { links: [{ context: chat.spanContext(), attributes: { why: "it asked" } }] },
  inRoot,
);
context.with(trace.setSpan(inRoot, warehouse), () => {
  const error = new TypeError("no such shelf");
  warehouse.recordException(error);
  warehouse.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
});
warehouse.end();

root.setAttribute("braintrust.output_json", JSON.stringify("Tomorrow."));
root.setStatus({ code: SpanStatusCode.OK });
root.end();

const elsewhere = tracer.startSpan(`elsewhere (${way})`, { attributes: { "braintrust.parent": `project_name:Elsewhere ${way}` } });
elsewhere.end();

await provider.forceFlush();
if (way === "json") await sendAgain(exporter);
await provider.shutdown();
