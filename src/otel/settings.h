#pragma once

// What a span processor does, after its options, the environment and the defaults were put together.
//
// The environment is read once, on the thread that makes the processor. What may also stand in `.env.braintrust` is left blank
// in `connection` and looked up when the first spans are sent. Source: PROTO 1.2, INST 20.

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <braintrust/otel.h>

#include "pipeline/settings.h"

namespace braintrust::otel::detail {

struct ProcessorSettings {
  pipeline::Settings connection = {};
  std::string parent = {};  // blank: the project that `.env.braintrust` names, else the default one
  std::vector<std::pair<std::string, std::string>> headers = {};
  bool filter_ai_spans = false;
  bool converts_media = true;
  bool bridges_contexts = false;
};

// Tells of what cannot be used, and leaves it out.
ProcessorSettings resolve(const SpanProcessorOptions& options);

}  // namespace braintrust::otel::detail
