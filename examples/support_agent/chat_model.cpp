#include "chat_model.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "http.h"

using nlohmann::json;

namespace {

constexpr int most_tries = 4;

// What went wrong, in one line: "429: Rate limit reached". Blank: nothing.
std::string problem_of(const HttpAnswer& answer, const json& body) {
  if (answer.status == 0) return "no answer: " + answer.error;
  if (answer.status == 200) return body.contains("choices") && !body["choices"].empty() ? "" : "200: an answer without choices";
  const auto message = body.is_object() && body.contains("error") && body["error"].is_object()
                           ? body["error"].value("message", std::string("no message"))
                           : std::string("no message");
  return std::to_string(answer.status) + ": " + message;
}

bool may_help_to_try_again(long status) { return status == 0 || status == 408 || status == 429 || status >= 500; }

struct Try {
  json message = {};  // null: it failed
  std::string problem = {};
  bool again = false;  // it may help to try again
};

// [model call]
// Traced by `auto_instrument`: nothing here knows of spans.
Try try_once(const Model& model, const json& messages, const json& tools, Tokens& used) {
  const json request = {{"model", model.name}, {"messages", messages}, {"tools", tools}, {"temperature", 0}};
  const HttpAnswer answer = post_json(model.url + "/chat/completions", model.key, request.dump());
  const json body = json::parse(answer.body, nullptr, false);
  if (const std::string problem = problem_of(answer, body); !problem.empty()) {
    return {.problem = problem, .again = may_help_to_try_again(answer.status)};
  }
  const json usage = body.value("usage", json::object());
  used.prompt += usage.value("prompt_tokens", 0);
  used.completion += usage.value("completion_tokens", 0);
  return {.message = body["choices"][0]["message"]};
}
// [model call end]

}  // namespace

json complete(const Model& model, const json& messages, const json& tools, Tokens& used) {
  auto wait = std::chrono::milliseconds(200);
  for (int count = 1;; ++count, wait *= 2) {
    Try result = try_once(model, messages, tools, used);
    if (!result.message.is_null()) return std::move(result.message);
    if (!result.again || count == most_tries)
      throw std::runtime_error("the model at " + model.url + " failed: " + result.problem);
    std::this_thread::sleep_for(wait);
  }
}
