// OpenAI chat completions, and the many servers that speak the same. Source: INST 10, 16.2.

#include <map>
#include <vector>

#include "llm/dialects.h"
#include "llm/openai.h"

namespace braintrust::llm {
namespace {

// INST 5.12, 5.14. Mistral says "any" for required.
std::string tool_choice(JsonView choice) {
  if (choice.is("any")) return "\"required\"";
  if (!choice.is_object()) return std::string(choice.text());
  if (choice["type"].is("function")) return std::string(choice.text());
  if (choice["type"].is("allowed_tools")) {
    const JsonView mode = choice["allowed_tools"]["mode"];
    return std::string((mode ? mode : choice["mode"]).text());
  }
  return "\"required\"";
}

void add_tool_settings(ObjectText& metadata, JsonView body) {
  ArrayText tools;
  tools.add_elements(body["tools"]);
  body["functions"].each_element([&](JsonView function) {  // as they were called before tools
    tools.add(ObjectText().add("type", "\"function\"").add("function", function).text());
  });
  add_tools(metadata, tools);
  if (const JsonView choice = body["tool_choice"]) {
    metadata.add("tool_choice", tool_choice(choice));
  } else if (const JsonView function = body["function_call"]) {
    const JsonView name = function["name"];
    metadata.add("tool_choice", name ? std::string_view(chosen_function(name)) : function.text());
  }
  add_setting(metadata, "parallel_tool_calls", body["parallel_tool_calls"]);
  add_setting(metadata, "max_tool_calls", body["max_tool_calls"]);
}

Request read_request(const CallTarget& call, JsonView body) {
  Request request;
  request.name = "Chat Completion";
  request.input = body["messages"].text();
  request.model = body["model"].string();
  if (request.model.empty()) request.model = path_segment(call.path, "/deployments/");  // Azure's older paths
  add_openai_settings(request.metadata, body);
  add_tool_settings(request.metadata, body);
  return request;
}

// --- a plain answer ---

// INST 16.2: with a type, and with arguments as text.
std::string canonical_tool_call(JsonView call) {
  const JsonView function = call["function"];
  const JsonView arguments = function["arguments"];
  if (call["type"] && !arguments.is_object()) return std::string(call.text());
  const std::string text = arguments.is_object() ? json_string(arguments.text()) : std::string(arguments.text());
  const std::string with_text = changed(function, {{"arguments", text}});
  const JsonView type = call["type"];
  return changed(call, {{"type", type ? type.text() : "\"function\""}, {"function", with_text}});
}

std::string canonical_message(JsonView message) {
  const JsonView calls = message["tool_calls"];
  if (!calls.is_array()) return std::string(message.text());
  ArrayText canonical;
  calls.each_element([&](JsonView call) { canonical.add(canonical_tool_call(call)); });
  return changed(message, {{"tool_calls", canonical.text()}});
}

// As it was returned, without logprobs that are null (INST 10.2).
std::string canonical_choice(JsonView choice) {
  const JsonView index = choice["index"];
  const JsonView logprobs = choice["logprobs"];
  const JsonView message = choice["message"];
  return changed(choice, {{"index", index ? index.text() : "0"},
                          {"logprobs", logprobs ? logprobs.text() : std::string_view()},
                          {"message", message.is_object() ? canonical_message(message) : std::string(message.text())}});
}

// --- a streamed answer ---

// Text is kept as it stood between the quotes of its JSON strings, and put between quotes again at the end: nothing is escaped
// twice, and a surrogate pair that was cut in two is whole again.
struct ToolCall {
  std::string id, type, name;
  std::string arguments;       // a custom tool's input
  std::uint64_t named_in = 0;  // the delta that last said the name, counted from 1
  JoinedMembers others;

  bool is_custom() const { return type == "custom"; }
  std::string text() const {
    const std::string_view argument = is_custom() ? "input" : "arguments";
    const std::string called = ObjectText().add("name", requoted(name)).add(argument, requoted(arguments)).text();
    ObjectText out;
    if (!id.empty()) out.add("id", requoted(id));
    out.add("type", requoted(type.empty() ? "function" : type));
    out.add(is_custom() ? "custom" : "function", called);
    add_joined(out, others);
    return out.text();
  }
};

// A part of a content that is not one string: Mistral's reasoning models send some.
struct Part {
  enum class Kind { text, thinking, other } kind;
  std::string content;  // between quotes; the whole part when `other`

  std::string text() const {
    if (kind == Kind::other) return content;
    const std::string part = R"({"type":"text","text":")" + content + "\"}";
    return kind == Kind::text ? part : R"({"type":"thinking","thinking":[)" + part + "]}";
  }
};

struct Choice {
  std::string role;
  std::vector<Part> parts;
  bool content_is_array = false;
  bool has_deltas = false;
  std::string refusal, reasoning, reasoning_content;
  std::string finish_reason;  // JSON text
  std::map<std::uint64_t, ToolCall> tool_calls;
  std::map<std::string, std::uint64_t, std::less<>> call_of_id;
  std::map<std::uint64_t, std::uint64_t> call_of_index;  // of an index that several calls share, the last
  std::uint64_t last_call = 0;
  ToolCall function_call;
  bool has_function_call = false;
  std::string audio_id, audio_transcript;
  std::string audio_data;  // base64
  JoinedMembers others_of_audio;
  bool has_audio = false;
  JoinedMembers logprobs;
  JoinedMembers others, others_of_message;  // what only some servers send: kept, as in a plain answer
};

class ChatParser final : public ResponseParser {
 public:
  explicit ChatParser(const CallTarget& call) : provider_(call.provider) {}

  void body(JsonView body) override {
    read(body, [&](JsonView choices) {
      ArrayText canonical;
      choices.each_element([&](JsonView choice) { canonical.add(canonical_choice(choice)); });
      answer.output = canonical.text();
    });
  }

  void event(std::string_view, JsonView chunk) override {
    read(chunk, [&](JsonView choices) { choices.each_element([&](JsonView choice) { add(choice); }); });
  }

  void end_of_events() override {
    ArrayText choices;
    for (const auto& [index, choice] : choices_) choices.add(text_of(index, choice));
    answer.output = choices.text();
  }

 private:
  // One walk over the members. Usage is read whatever the choices are: where it comes last there are none (INST 10.10).
  template <class OnChoices>
  void read(JsonView body, OnChoices&& on_choices) {
    body.each_member([&](std::string_view key, JsonView value) {
      if (!value) return;
      if (key == "choices") {
        if (value.is_array()) on_choices(value);
      } else if (key == "model") {
        if (!value.inside().empty() && value.inside() != model_) {
          model_ = value.inside();
          answer.model = value.string();
        }
      } else if (key == "usage") {
        answer.metrics = openai_usage(value, provider_);
      } else if (key == "x_groq") {
        if (value["usage"]) answer.metrics = openai_usage(value["usage"], provider_);
      } else if (key == "error" || (key == "object" && value.is("error"))) {
        if (answer.error.empty()) answer.error = error_in(body, "");
      }
    });
  }

  void add(JsonView choice_chunk) {
    const std::uint64_t index = choice_chunk["index"].count().value_or(0);
    if (!may_keep(choices_.size())) return;
    Choice& choice = choices_[index];
    JsonView whole;
    choice_chunk.each_member([&](std::string_view key, JsonView value) {
      if (!value) return;
      if (key == "delta") {
        choice.has_deltas = true;
        add_delta(choice, value);
      } else if (key == "message") {
        whole = value;
      } else if (key == "finish_reason") {
        assign(choice.finish_reason, value.text());
      } else if (key == "logprobs") {
        value.each_member([&](std::string_view kind, JsonView tokens) {
          if (tokens) join(choice.logprobs, kind, tokens);
        });
      } else if (key == "error") {
        if (answer.error.empty()) answer.error = error_in(choice_chunk, "");
      } else if (key == "usage") {  // Moonshot
        answer.metrics = openai_usage(value, provider_);
      } else if (key != "index" && key != "text") {  // Together repeats the delta's text
        join(choice.others, key, value);
      }
    });
    // Perplexity repeats beside each delta all that there is so far; others send no deltas.
    if (whole && !choice.has_deltas) add_delta(choice, whole);
  }

  void add_delta(Choice& choice, JsonView delta) {
    ++deltas_;
    delta.each_member([&](std::string_view key, JsonView value) {
      if (!value) return;
      if (key == "role") {
        if (choice.role.empty()) assign(choice.role, value.inside());
      } else if (key == "content") {
        add_content(choice, value);
      } else if (key == "refusal") {
        append(choice.refusal, value.inside());
      } else if (key == "reasoning") {
        append(choice.reasoning, value.inside());
      } else if (key == "reasoning_content") {
        append(choice.reasoning_content, value.inside());
      } else if (key == "tool_calls") {
        value.each_element([&](JsonView call) { add_tool_call(choice, call); });
      } else if (key == "function_call") {
        choice.has_function_call = true;
        append(choice.function_call.name, value["name"].inside());
        append(choice.function_call.arguments, value["arguments"].inside());
      } else if (key == "audio") {
        choice.has_audio = true;
        add_audio(choice, value);
      } else if (key != "token_id") {  // Together's, of one token
        join(choice.others_of_message, key, value);
      }
    });
  }

  void add_audio(Choice& choice, JsonView audio) {
    audio.each_member([&](std::string_view key, JsonView value) {
      if (key == "id") {
        if (value.is_string()) assign(choice.audio_id, value.inside());
      } else if (key == "data") {
        if (take_room(value.inside().size())) append_base64(choice.audio_data, value.string());
      } else if (key == "transcript") {
        append(choice.audio_transcript, value.inside());
      } else if (value) {
        join(choice.others_of_audio, key, value);
      }
    });
  }

  void add_part(Choice& choice, Part::Kind kind, std::string_view content) {
    const bool new_part = choice.parts.empty() || choice.parts.back().kind != kind || kind == Part::Kind::other;
    if (new_part && may_keep(choice.parts.size())) choice.parts.push_back({kind, {}});
    if (!choice.parts.empty()) append(choice.parts.back().content, content);
  }

  void add_content(Choice& choice, JsonView content) {
    if (content.is_string()) return add_part(choice, Part::Kind::text, content.inside());
    if (!content.is_array()) return;
    choice.content_is_array = true;
    content.each_element([&](JsonView part) {
      if (part["type"].is("text")) {
        add_part(choice, Part::Kind::text, part["text"].inside());
      } else if (part["type"].is("thinking") && part["thinking"].is_array()) {
        part["thinking"].each_element([&](JsonView text) { add_part(choice, Part::Kind::thinking, text["text"].inside()); });
      } else {
        add_part(choice, Part::Kind::other, part.text());
      }
    });
  }

  // INST 10.12. Gemini's OpenAI format gives each of several calls the index 0, some servers without ids: then two names in one
  // delta are two calls, and what follows belongs to the later.
  ToolCall& call_for(Choice& choice, JsonView delta, bool named) {
    const std::string_view id = delta["id"].inside();
    const auto index = delta["index"].count();
    std::uint64_t position = choice.last_call;
    if (index) {
      const auto moved = choice.call_of_index.find(*index);
      position = moved != choice.call_of_index.end() ? moved->second : *index;
    }
    const auto known = choice.tool_calls.find(position);
    const bool exists = known != choice.tool_calls.end();
    const bool other_id = !id.empty() && (!index || (exists && !known->second.id.empty() && known->second.id != id));
    const bool named_again = named && exists && known->second.named_in == deltas_ && (id.empty() || known->second.id != id);
    if (other_id || named_again) {
      const auto seen = choice.call_of_id.find(id);
      const std::uint64_t next = choice.tool_calls.empty() ? 0 : choice.tool_calls.rbegin()->first + 1;
      position = seen != choice.call_of_id.end() ? seen->second : next;
      if (index) choice.call_of_index[*index] = position;
    }
    choice.last_call = position;
    if (!id.empty() && !choice.call_of_id.contains(id) && take_room(id.size())) choice.call_of_id.emplace(id, position);
    return choice.tool_calls[position];
  }

  void add_tool_call(Choice& choice, JsonView delta) {
    if (!may_keep(choice.tool_calls.size())) return;
    const JsonView custom = delta["custom"];
    const JsonView called = custom ? custom : delta["function"];
    const std::string_view name = called["name"].inside();
    ToolCall& call = call_for(choice, delta, !name.empty());
    if (const auto id = delta["id"].inside(); !id.empty()) assign(call.id, id);
    if (const auto type = delta["type"].inside(); !type.empty()) assign(call.type, type);
    if (!name.empty()) {
      assign(call.name, name);
      call.named_in = deltas_;
    }
    const JsonView arguments = called[custom ? "input" : "arguments"];
    if (arguments.is_object()) {
      const std::string text = json_string(arguments.text());
      append(call.arguments, std::string_view(text).substr(1, text.size() - 2));
    } else {
      append(call.arguments, arguments.inside());
    }
    delta.each_member([&](std::string_view key, JsonView value) {
      for (const std::string_view read : {"index", "id", "type", "function", "custom"}) {
        if (key == read) return;
      }
      if (value) join(call.others, key, value);
    });
  }

  static std::string content_of(const Choice& choice) {
    if (choice.content_is_array) {
      ArrayText parts;
      for (const Part& part : choice.parts) parts.add(part.text());
      return parts.text();
    }
    const std::string_view content = choice.parts.empty() ? std::string_view() : std::string_view(choice.parts.front().content);
    const bool only_calls = content.empty() && (!choice.tool_calls.empty() || choice.has_function_call);
    return choice.parts.empty() || only_calls ? "null" : requoted(content);
  }

  std::string text_of(std::uint64_t index, const Choice& choice) const {
    const auto add_text = [](ObjectText& to, std::string_view key, const std::string& inside) {
      if (!inside.empty()) to.add(key, requoted(inside));
    };
    ObjectText message;
    message.add("role", requoted(choice.role.empty() ? "assistant" : choice.role));
    message.add("content", content_of(choice));
    add_text(message, "refusal", choice.refusal);
    add_text(message, "reasoning", choice.reasoning);
    add_text(message, "reasoning_content", choice.reasoning_content);
    if (!choice.tool_calls.empty()) {
      ArrayText calls;
      for (const auto& [position, call] : choice.tool_calls) calls.add(call.text());
      message.add("tool_calls", calls.text());
    }
    if (choice.has_function_call) {
      const ToolCall& call = choice.function_call;
      message.add("function_call",
                  ObjectText().add("name", requoted(call.name)).add("arguments", requoted(call.arguments)).text());
    }
    if (choice.has_audio) {
      ObjectText audio;
      add_text(audio, "id", choice.audio_id);
      if (!choice.audio_data.empty()) audio.add("data", json_string(choice.audio_data));
      add_text(audio, "transcript", choice.audio_transcript);
      add_joined(audio, choice.others_of_audio);
      message.add("audio", audio.text());
    }
    add_joined(message, choice.others_of_message);

    ObjectText out;
    out.add("index", std::to_string(index));
    if (!incomplete()) out.add("finish_reason", choice.finish_reason);
    out.add("message", message.text());
    ObjectText logprobs;
    add_joined(logprobs, choice.logprobs);
    if (!logprobs.empty()) out.add("logprobs", logprobs.text());
    add_joined(out, choice.others);
    return out.text();
  }

  std::string_view provider_;
  std::string model_;  // as written
  std::uint64_t deltas_ = 0;
  std::map<std::uint64_t, Choice> choices_;
};

std::unique_ptr<ResponseParser> new_response(const CallTarget& call) { return std::make_unique<ChatParser>(call); }

}  // namespace

const Dialect openai_chat{"openai", read_request, new_response, openai_media};

}  // namespace braintrust::llm
