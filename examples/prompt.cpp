// A prompt that is kept in Braintrust: loaded, filled in, and named by the spans of the calls that it was sent with. Where it
// cannot be had, as without an account, the copy that ships with the program is used.

#include <braintrust/api/function.h>
#include <braintrust/api/prompt.h>
#include <braintrust/braintrust.h>

#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

#include "support/offline.h"

using braintrust::BuiltPrompt;
using braintrust::Prompt;
using braintrust::Result;
using nlohmann::json;

// Stands for your client.
json send(const json& request) {
  const std::string asked = request["messages"].back()["content"];
  json message = {{"role", "assistant"}, {"content", "Hi Ada! You asked: " + asked}};
  return {{"model", request["model"]}, {"choices", {{{"index", 0}, {"message", message}, {"finish_reason", "stop"}}}}};
}

// [shipped prompt]
const json shipped = {
    {"id", "0b6c2a3e-6f2d-4c43-a1f0-1b0f5d0c7a11"},  // these three, and spans name it; without them, they do not
    {"project_id", "5d1c8e52-9e0b-4a6e-8f5b-7f3f0a2f9c10"},
    {"_xact_id", "1000196022104685824"},
    {"slug", "greeting"},
    {"prompt_data",
     {{"prompt",
       {{"type", "chat"},
        {"messages",
         {{{"role", "system"}, {"content", "You greet {{user.name}}."}}, {{"role", "user"}, {"content", "{{question}}"}}}}}},
      {"options", {{"model", "scripted-1"}, {"params", {{"temperature", 0}}}}}}}};

Result<Prompt> greeting() {
  auto prompt = braintrust::load_prompt({.slug = "greeting", .defaults = {{"model", "scripted-1"}}});  // waits
  if (prompt) return prompt;
  std::cout << "not from Braintrust: " << prompt.error().message << '\n';
  return Prompt::from_row(shipped);
}
// [shipped prompt end]

Result<std::string> answer(const std::string& question) {
  // [prompt]
  Result<Prompt> prompt = greeting();
  if (!prompt) return prompt.error();
  Result<BuiltPrompt> built = prompt->build({{"user", {{"name", "Ada"}}}, {"question", question}}, {.strict = true});
  if (!built) return built.error();

  auto scope = built->trace();  // model calls below, on this thread, say which prompt they were made with
  auto create = braintrust::wrap_openai(send);
  const json response = create(built->request);
  // [prompt end]
  return response["choices"][0]["message"]["content"].get<std::string>();
}

// [function]
Result<json> triage(const std::string& mail) {
  return braintrust::invoke({.slug = "triage", .input = {{"mail", mail}}},  // waits
                            [](const braintrust::InvokeEvent& event) { std::cout << event.text << std::flush; });
}
// [function end]

int main() {
  examples::Offline offline;
  auto logger = braintrust::init_logger({.project = "Examples (C++)"});
  const auto greeted = answer("Do spans nest?");
  std::cout << (greeted ? *greeted : greeted.error().message) << '\n';
  const auto triaged = triage("It rains into my inbox.");
  std::cout << (triaged ? triaged->dump() : triaged.error().message) << '\n';
  return greeted ? 0 : 1;
}
