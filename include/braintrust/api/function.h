#pragma once

// Functions that live in Braintrust (prompts, tools, scorers, tasks), called from here.
//
//   auto answer = braintrust::invoke({.project = "Support", .slug = "triage", .input = {{"text", mail}}});
//   if (!answer) return complain(answer.error());
//
//   // As it comes:
//   auto text = braintrust::invoke({.project = "Support", .slug = "reply", .input = {{"text", mail}}},
//                                  [](const braintrust::InvokeEvent& event) { std::cout << event.text << std::flush; });
//
// `invoke` waits for the network, and for the function. It is never repeated, because a function may do something. The spans
// that the function makes are children of the current span.
//
// Threads: any number at a time. `on_event` is called on the calling thread; what it throws ends the call.
// Errors: `invalid_argument` when no function is named, or two are; `http_status` when the function failed, with what it says
// of it; `transport` when there was no answer, or a stream ended before its `done`; `callback_failed` when `on_event` threw;
// `bad_response`; and those of the connection. This header needs nlohmann_json's. Source: PROTO 17, 20 (39, 40).

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/api/connection.h>
#include <braintrust/core/result.h>
#include <braintrust/trace/span.h>

namespace braintrust {

// The order is part of the interface: fields are only ever appended.
struct InvokeOptions {
  // Which function: a project's, by slug; any, by id; or one that everybody has.
  std::string project = {};  // its name. Blank: the connection's project
  std::string slug = {};
  std::string function_id = {};
  std::string global_function = {};  // "Factuality"
  std::string function_type = {};    // of a global function. Blank: scorer
  std::string version = {};          // a transaction id. Blank: the newest

  nlohmann::json input = {};
  nlohmann::json expected = {};  // null: none
  nlohmann::json metadata = {};  // an object, or null: none
  std::vector<std::string> tags = {};
  nlohmann::json messages = {};       // goes on after a prompt's own
  std::string mode = {};              // auto, parallel, json, text: how a prompt's answer becomes a value. Blank: auto
  bool strict = false;                // a prompt's variable that is missing is an error
  Parent parent = {};                 // instead of the current span
  std::chrono::seconds timeout{300};  // until the last byte of the answer
  ConnectionOptions connection = {};
};

// What comes before a function's result is complete.
struct InvokeEvent {
  enum class Kind { text_delta, reasoning_delta, json_delta, error, console, progress, start, done };
  Kind kind = Kind::start;
  std::string text = {};     // of deltas: the next piece; of `error` and `console`: what is said
  nlohmann::json data = {};  // of `console`: {message, stream}; of `progress`: {name, event, data, …}
};

std::string_view to_string(InvokeEvent::Kind kind) noexcept;

// The function's result.
Result<nlohmann::json> invoke(const InvokeOptions& options);

// The same, streamed: the result is all pieces of JSON together; without any, the text; without any, the reasoning; else null.
Result<nlohmann::json> invoke(const InvokeOptions& options, const std::function<void(const InvokeEvent&)>& on_event);

// A function as something to call with an input: a task of an eval, or a scorer, whose input is then
// {input, output, expected, metadata}. What goes wrong is the case's error, or the scorer's.
//
//   const auto answer = init_function({.project = "Support", .slug = "answer"});
//   const auto judge = init_function({.project = "Support", .slug = "judge"});
//   Eval("Support", {.data = …,
//                    .task = answer,
//                    .scores = {{"judge", [judge](const auto& args) {
//                                  return judge({{"input", args.input}, {"output", args.output},
//                                                {"expected", args.expected}, {"metadata", args.metadata}});
//                                }}}});
class RemoteFunction {
 public:
  explicit RemoteFunction(InvokeOptions options) : options_(std::move(options)) {}

  std::string name() const;  // "init_function-<project>-<slug>-<version or latest>"
  Result<nlohmann::json> operator()(const nlohmann::json& input) const;

 private:
  InvokeOptions options_;
};

RemoteFunction init_function(InvokeOptions options);

}  // namespace braintrust
