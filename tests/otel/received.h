#pragma once

// `Receiver`: a server that takes OTLP as Braintrust does, and the spans that came, read by protobuf's own code of the
// published schema. `Tracing`: a provider of opentelemetry-cpp with our processor.
//
//   Receiver receiver;
//   Tracing tracing(receiver.options());
//   tracing.start("work")->End();
//   EXPECT_TRUE(tracing.flush());
//   EXPECT_EQ(receiver.spans().at(0).name, "work");
//
// Threads: the test's.

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <braintrust/otel.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <opentelemetry/exporters/otlp/otlp_recordable_utils.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <opentelemetry/trace/scope.h>
#include <opentelemetry/trace/span.h>
#include <opentelemetry/trace/tracer.h>

#include "core/base64.h"

#include "support/fake_braintrust.h"
#include "trace/backend.h"

namespace braintrust::test {

using OtelSpan = opentelemetry::nostd::shared_ptr<opentelemetry::trace::Span>;
using OtelScope = opentelemetry::trace::Scope;

inline std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    constexpr const char* digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}
template <class Id>
std::string hex_of(const Id& id) {
  return hex(std::string(reinterpret_cast<const char*>(id.Id().data()), id.Id().size()));
}

// By name, as the package has no headers of the schema.
inline std::unique_ptr<google::protobuf::Message> new_otlp_request() {
  using namespace google::protobuf;
  using Request = opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
  using opentelemetry::exporter::otlp::OtlpRecordableUtils;
  OtlpRecordableUtils::PopulateRequest({}, static_cast<Request*>(nullptr));  // links the schema in, and does nothing
  const Descriptor* const type = DescriptorPool::generated_pool()->FindMessageTypeByName(
      "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest");
  if (type == nullptr) throw std::runtime_error("the schema of OTLP is not here");
  return std::unique_ptr<Message>(MessageFactory::generated_factory()->GetPrototype(type)->New());
}

// OTLP's request as JSON.
inline nlohmann::json decoded(const std::string& body) {
  const auto message = new_otlp_request();
  if (!message->ParseFromString(body)) throw std::runtime_error("what came is no OTLP");
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(*message, &json).ok()) throw std::runtime_error("what came has no JSON");
  return nlohmann::json::parse(json);
}

struct ReceivedSpan {
  std::string name = {};
  std::string trace_id = {};
  std::string span_id = {};
  std::string parent_id = {};                       // blank: a root
  nlohmann::json json = {};                         // by protobuf's rules: ids are base64, 64-bit numbers are texts
  std::map<std::string, std::string> headers = {};  // of its request

  std::string text(const std::string& key) const { return attribute(key).value("stringValue", std::string()); }
  // The value of the one attribute of that name; an empty object where there is none.
  nlohmann::json attribute(const std::string& key) const {
    nlohmann::json found = nlohmann::json::object();
    for (const auto& attribute : json.value("attributes", nlohmann::json::array())) {
      if (attribute["key"] != key) continue;
      if (!found.empty()) throw std::runtime_error("two attributes are named " + key);
      found = attribute["value"];
    }
    return found;
  }
};

class Receiver {
 public:
  Receiver() {
    play_braintrust(server);
    server.on("/otel/v1/traces", {{.body = {}}});
  }

  // To be completed by the test.
  otel::SpanProcessorOptions options() const {
    otel::SpanProcessorOptions options;
    options.parent = "project_name:p";
    options.api_key = FakeBraintrust().api_key;
    options.api_url = server.url();
    options.batch.schedule_delay_millis = std::chrono::milliseconds(20);
    return options;
  }

  // All that came so far, of requests that were answered with success or not; or only of those that are no larger.
  std::vector<ReceivedSpan> spans(std::size_t most_bytes = std::numeric_limits<std::size_t>::max()) const {
    std::vector<ReceivedSpan> found;
    for (const ServerRequest& request : server.requests("/otel/v1/traces")) {
      if (request.body.size() > most_bytes) continue;
      const nlohmann::json message = decoded(request.body);
      for (const auto& resource : message.value("resourceSpans", nlohmann::json::array())) {
        for (const auto& scope : resource["scopeSpans"]) {
          for (const auto& span : scope["spans"]) {
            const auto id = [&](const char* key) {
              return hex(base64::decode(span.value(key, std::string())).value_or(std::string()));
            };
            found.push_back({.name = span.value("name", std::string()),
                             .trace_id = id("traceId"),
                             .span_id = id("spanId"),
                             .parent_id = id("parentSpanId"),
                             .json = span,
                             .headers = request.headers});
          }
        }
      }
    }
    return found;
  }
  ReceivedSpan span(const std::string& name) const {
    std::vector<ReceivedSpan> found;
    for (ReceivedSpan& span : spans()) {
      if (span.name == name) found.push_back(std::move(span));
    }
    if (found.size() != 1) throw std::runtime_error(std::to_string(found.size()) + " spans are named " + name);
    return found.front();
  }

  ScriptedServer server;
};

class Tracing {
 public:
  explicit Tracing(otel::SpanProcessorOptions options) {
    auto made = std::make_unique<otel::BraintrustSpanProcessor>(std::move(options));
    processor_ = made.get();
    provider_ = std::make_unique<opentelemetry::sdk::trace::TracerProvider>(std::move(made));
    tracer_ = provider_->GetTracer("test");
  }

  opentelemetry::trace::Tracer& tracer() { return *tracer_; }
  opentelemetry::sdk::trace::TracerProvider& provider() { return *provider_; }
  otel::BraintrustSpanProcessor& processor() { return *processor_; }
  otel::SpanProcessorStats stats() const { return processor_->stats(); }
  bool flush() { return processor_->ForceFlush(long_enough); }
  void destroy() {
    tracer_ = {};
    provider_ = nullptr;
  }

  OtelSpan start(const std::string& name) { return tracer_->StartSpan(name); }

 private:
  std::unique_ptr<opentelemetry::sdk::trace::TracerProvider> provider_;
  otel::BraintrustSpanProcessor* processor_ = nullptr;
  opentelemetry::nostd::shared_ptr<opentelemetry::trace::Tracer> tracer_;
};

}  // namespace braintrust::test
