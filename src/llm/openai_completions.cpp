// Completions as they were before chat, and fill-in-the-middle: a prompt in, text out. Logged in the canonical form, as they
// have no messages of their own. Source: INST 4.13 to 4.18, 10.5.

#include <map>

#include "llm/dialects.h"
#include "llm/openai.h"

namespace braintrust::llm {
namespace {

std::string user_message(JsonView prompt, JsonView suffix) {
  ObjectText message;
  message.add("role", "\"user\"").add("content", prompt);
  add_setting(message, "suffix", suffix);
  return message.text();
}

// A prompt may be a text, several, or tokens; the latter stay as they are.
std::string input_of(JsonView body) {
  const JsonView prompt = body["prompt"];
  const JsonView suffix = body["suffix"];
  ArrayText messages;
  if (prompt.is_string()) messages.add(user_message(prompt, suffix));
  if (prompt.element(0).is_string()) {
    prompt.each_element([&](JsonView one) { messages.add(user_message(one, suffix)); });
  }
  return messages.empty() ? std::string(prompt.text()) : messages.text();
}

Request read_request(const CallTarget& call, JsonView body) {
  Request request;
  request.name = "Completion";
  request.input = input_of(body);
  request.model = body["model"].string();
  if (request.model.empty()) request.model = path_segment(call.path, "/deployments/");
  add_openai_settings(request.metadata, body);
  return request;
}

struct Choice {
  std::string text;           // between quotes
  std::string finish_reason;  // JSON text
  JoinedMembers logprobs;
};

class CompletionParser final : public ResponseParser {
 public:
  explicit CompletionParser(const CallTarget& call) : provider_(call.provider) {}

  void body(JsonView body) override {
    if (!body["choices"].is_array()) return read_common(body);
    event({}, body);
    end_of_events();
  }

  void event(std::string_view, JsonView chunk) override {
    read_common(chunk);
    chunk["choices"].each_element([&](JsonView choice_chunk) {
      if (!may_keep(choices_.size())) return;
      Choice& choice = choices_[choice_chunk["index"].count().value_or(0)];
      // Mistral's fill-in-the-middle answers as chat does.
      JsonView text = choice_chunk["text"];
      if (!text) text = choice_chunk["delta"]["content"];
      if (!text) text = choice_chunk["message"]["content"];
      append(choice.text, text.inside());
      if (const JsonView reason = choice_chunk["finish_reason"]) choice.finish_reason = reason.text();
      choice_chunk["logprobs"].each_member(
          [&](std::string_view key, JsonView of_tokens) { join(choice.logprobs, key, of_tokens); });
    });
  }

  void end_of_events() override {
    ArrayText choices;
    for (const auto& [index, choice] : choices_) {
      ObjectText out;
      out.add("index", std::to_string(index));
      if (!incomplete()) out.add("finish_reason", choice.finish_reason);
      out.add("message", message("assistant", requoted(choice.text)));
      ObjectText logprobs;
      add_joined(logprobs, choice.logprobs);
      if (!logprobs.empty()) out.add("logprobs", logprobs.text());
      choices.add(out.text());
    }
    answer.output = choices.text();
  }

 private:
  void read_common(JsonView body) {
    if (answer.error.empty()) answer.error = openai_error(body);
    if (const std::string model = body["model"].string(); !model.empty()) answer.model = model;
    if (const JsonView usage = body["usage"]; usage.is_object()) answer.metrics = openai_usage(usage, provider_);
  }

  std::string_view provider_;
  std::map<std::uint64_t, Choice> choices_;
};

std::unique_ptr<ResponseParser> new_response(const CallTarget& call) { return std::make_unique<CompletionParser>(call); }

}  // namespace

const Dialect openai_completions{"openai", read_request, new_response, openai_media};

}  // namespace braintrust::llm
