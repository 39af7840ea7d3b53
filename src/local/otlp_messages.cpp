#include "local/otlp_messages.h"

#include "llm/json_text.h"

namespace braintrust::local {
namespace {

using llm::ArrayText, llm::JsonView, llm::json_string, llm::ObjectText;

// As a string: what it says, or how it is written.
std::string as_string(JsonView value) {
  if (value.is_string()) return std::string(value.text());
  return value ? json_string(value.text()) : std::string();
}

std::string tool_call(JsonView part) {
  const auto function = ObjectText().add("name", part["name"]).add("arguments", as_string(part["arguments"])).text();
  return ObjectText().add("id", part["id"]).add("type", "\"function\"").add("function", function).text();
}

std::string tool_answer(JsonView part) {
  const auto response = part["response"] ? part["response"] : part["result"];
  return ObjectText().add("role", "\"tool\"").add("tool_call_id", part["id"]).add("content", response).text();
}

// What the parts of one message say.
struct Parts {
  std::string content = {};
  ArrayText tool_calls = {};
  ArrayText answers = {};  // messages of their own
};

Parts parts_of(JsonView list) {
  Parts parts;
  ArrayText content;
  std::size_t count = 0;
  JsonView only;
  list.each_element([&](JsonView part) {
    const auto type = part["type"];
    if (type.is("tool_call")) {
      parts.tool_calls.add(tool_call(part));
    } else if (type.is("tool_call_response")) {
      parts.answers.add(tool_answer(part));
    } else {
      ++count;
      const bool text = type.is("text") && part["content"].is_string();
      only = text ? part["content"] : JsonView();
      content.add(text ? ObjectText().add("type", type).add("text", part["content"]).text() : std::string(part.text()));
    }
  });
  // One text is the content itself.
  if (count > 0) parts.content = count == 1 && only ? std::string(only.text()) : content.text();
  return parts;
}

// The message without its parts; `finish_reason` is the answer's, not the message's.
std::string chat_message(JsonView message, const Parts& parts) {
  ObjectText text;
  message.each_member([&](std::string_view key, JsonView value) {
    if (llm::same_key(key, "finish_reason")) return;
    if (!llm::same_key(key, "parts")) {
      text.add(key, value);
      return;
    }
    text.add("content", parts.content.empty() ? "null" : parts.content);
    if (!parts.tool_calls.empty()) text.add("tool_calls", parts.tool_calls.text());
  });
  return text.text();
}

}  // namespace

std::string otlp_input_messages(JsonView messages, JsonView system) {
  ArrayText out;
  if (system.is_string()) out.add(llm::message("system", system.text()));
  if (system.is_array()) {
    const auto parts = parts_of(system);
    out.add(llm::message("system", parts.content.empty() ? system.text() : std::string_view(parts.content)));
  }
  if (!messages.is_array()) out.add(messages.is_string() ? llm::message("user", messages.text()) : messages.text());
  messages.each_element([&](JsonView message) {
    if (!message["parts"].is_array()) {
      out.add(message.text());
      return;
    }
    const auto parts = parts_of(message["parts"]);
    if (!parts.content.empty() || !parts.tool_calls.empty() || parts.answers.empty()) out.add(chat_message(message, parts));
    if (!parts.answers.empty()) {
      const auto answers = parts.answers.text();
      out.add_elements(JsonView::of_valid(answers));
    }
  });
  return out.text();
}

std::string otlp_output_messages(JsonView messages) {
  if (!messages.is_array()) return std::string(messages.text());
  ArrayText out;
  std::size_t index = 0;
  messages.each_element([&](JsonView message) {
    if (!message.is_object()) {
      out.add(message.text());
      return;
    }
    const auto parts = parts_of(message["parts"]);
    const auto chat = chat_message(message, parts);
    out.add(ObjectText()
                .add("index", std::to_string(index++))
                .add("message", chat)
                .add("finish_reason", message["finish_reason"])
                .text());
    // Of tools that ran at the provider.
    const auto answers = parts.answers.text();
    if (parts.answers.empty()) return;
    JsonView::of_valid(answers).each_element(
        [&](JsonView answer) { out.add(ObjectText().add("index", std::to_string(index++)).add("message", answer).text()); });
  });
  return out.text();
}

}  // namespace braintrust::local
