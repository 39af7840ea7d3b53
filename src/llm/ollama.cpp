// Ollama's own chat and generate, in the canonical form. Source: INST 4.13 to 4.19, 16.1, 18.7, 18.8; Ollama's docs/api.md.

#include <deque>
#include <map>
#include <set>
#include <utility>

#include "llm/dialects.h"
#include "llm/openai.h"

namespace braintrust::llm {
namespace {

// --- messages ---

// An image is bare base64 without a type. One that can be recognised becomes a data URL, which is the canonical form and
// later an attachment.
std::string image_part(JsonView image) {
  const auto media = decoded_media({}, image);
  if (!media) return {};
  const std::string url = "\"data:" + media->content_type + ";base64," + std::string(image.inside()) + '"';
  return ObjectText().add("type", "\"image_url\"").add("image_url", ObjectText().add("url", url).text()).text();
}

// Text and images as typed parts; blank when an image is not recognised.
std::string content_with_images(JsonView text, JsonView images) {
  ArrayText parts;
  if (!text.inside().empty()) parts.add(ObjectText().add("type", "\"text\"").add("text", text).text());
  bool all = true;
  images.each_element([&](JsonView image) {
    const std::string part = image_part(image);
    all = all && !part.empty();
    parts.add(part);
  });
  return all ? parts.text() : std::string();
}

// Ollama gives calls no ids, and the canonical form wants one: it is made of the position (INST 14.7).
std::string canonical_tool_calls(JsonView calls, std::size_t& next) {
  ArrayText out;
  calls.each_element([&](JsonView call) {
    const std::string made = "\"call_" + std::to_string(next++) + '"';
    const JsonView function = call["function"];
    const JsonView arguments = function["arguments"];
    const std::string text = arguments.is_string() ? std::string(arguments.text()) : json_string(arguments.text());
    const JsonView id = call["id"];
    out.add(ObjectText()
                .add("id", id ? id.text() : made)
                .add("type", "\"function\"")
                .add("function", ObjectText().add("name", function["name"]).add("arguments", text).text())
                .text());
  });
  return out.text();
}

// The calls of a whole conversation, so that each has an id of its own and each result that of its call (INST 4.21).
class Calls {
 public:
  std::string canonical(JsonView calls) {
    std::string text = canonical_tool_calls(calls, next_);
    JsonView::of_valid(text).each_element([&](JsonView call) {
      const std::string id(call["id"].text());
      open_.push_back(id);
      open_of_name_[call["function"]["name"].string()].push_back(id);
    });
    return text;
  }

  // Its own, or that of the first open call of its tool; blank when there is none. Older clients do not name the tool.
  std::string id_for_result(JsonView result) {
    if (const JsonView own = result["tool_call_id"]) {
      answered_.emplace(own.text());
      return std::string(own.text());
    }
    const JsonView tool_name = result["tool_name"];
    const std::string name = (tool_name ? tool_name : result["name"]).string();
    return first_of(name.empty() ? open_ : open_of_name_[name]);
  }

 private:
  std::string first_of(std::deque<std::string>& open) {
    while (!open.empty()) {
      std::string id = std::move(open.front());
      open.pop_front();
      if (answered_.insert(id).second) return id;
    }
    return {};
  }

  std::size_t next_ = 0;
  std::deque<std::string> open_;  // JSON texts, as all ids here; may have been answered since
  std::map<std::string, std::deque<std::string>> open_of_name_;
  std::set<std::string> answered_;
};

std::string canonical_message(JsonView message, Calls& conversation) {
  const JsonView calls = message["tool_calls"];
  const JsonView images = message["images"];
  std::string content(message["content"].text());
  std::string images_left(images.text());
  if (images.is_array()) {
    if (std::string parts = content_with_images(message["content"], images); !parts.empty()) {
      content = std::move(parts);
      images_left.clear();
    }
  }
  std::string canonical_calls(calls.text());
  if (calls.is_array()) {
    canonical_calls = calls.is_empty_container() ? std::string() : conversation.canonical(calls);
    if (!canonical_calls.empty() && (content.empty() || content == "\"\"")) content = "null";
  }
  std::string call_id(message["tool_call_id"].text());
  std::string tool_name(message["tool_name"].text());
  if (message["role"].is("tool")) {
    call_id = conversation.id_for_result(message);
    if (!call_id.empty()) tool_name.clear();  // the call has it
  }
  return changed(message, {{"content", content},
                           {"images", images_left},
                           {"tool_calls", canonical_calls},
                           {"tool_call_id", call_id},
                           {"tool_name", tool_name}});
}

// --- requests ---

void add_settings(ObjectText& metadata, JsonView body) {
  const JsonView options = body["options"];
  add_setting(metadata, "temperature", options["temperature"]);
  add_setting(metadata, "top_p", options["top_p"]);
  add_setting(metadata, "max_tokens", options["num_predict"]);
  add_setting(metadata, "frequency_penalty", options["frequency_penalty"]);
  add_setting(metadata, "presence_penalty", options["presence_penalty"]);
  add_setting(metadata, "stop", options["stop"]);
  if (const JsonView format = body["format"]; format && !format.inside().empty())
    add_setting(metadata, "response_format", format);
  if (const JsonView schema = body["format"]; schema.is_object()) add_setting(metadata, "response_format", schema);
  ArrayText tools;
  tools.add_elements(body["tools"]);
  add_tools(metadata, tools);
}

Request read_chat_request(const CallTarget&, JsonView body) {
  Request request;
  request.name = "ollama.chat";
  request.model = body["model"].string();
  if (body["messages"].is_array()) {
    ArrayText messages;
    Calls conversation;
    body["messages"].each_element([&](JsonView message) { messages.add(canonical_message(message, conversation)); });
    request.input = messages.text();
  }
  add_settings(request.metadata, body);
  return request;
}

Request read_generate_request(const CallTarget&, JsonView body) {
  Request request;
  request.name = "ollama.generate";
  request.model = body["model"].string();
  ArrayText messages;
  if (const JsonView system = body["system"]; !system.inside().empty()) messages.add(message("system", system.text()));
  const std::string prompt = changed(JsonView::of_valid("{\"role\":\"user\"}"),
                                     {{"content", body["prompt"].text()}, {"images", body["images"].text()}});
  Calls none;
  messages.add(canonical_message(JsonView::of_valid(prompt), none));
  request.input = messages.text();
  add_settings(request.metadata, body);
  return request;
}

// --- responses: one object, or one a line of which each holds a piece ---

class OllamaParser final : public ResponseParser {
 public:
  void body(JsonView body) override {
    event({}, body);
    end_of_events();
  }

  void event(std::string_view, JsonView data) override {
    if (answer.error.empty() && data["error"]) answer.error = error_in(data, "");
    if (const std::string model = data["model"].string(); !model.empty()) answer.model = model;
    // `generate` has beside the others what `chat` has in a message.
    const JsonView message = data["message"];
    answered_ = answered_ || message || data["response"] || !data["done"].text().empty();
    append(content_, message ? message["content"].inside() : data["response"].inside());
    append(thinking_, message ? message["thinking"].inside() : data["thinking"].inside());
    if (const JsonView calls = message["tool_calls"]; calls.is_array()) {
      const std::string text = canonical_tool_calls(calls, next_call_);
      if (take_room(text.size())) tool_calls_.add_elements(JsonView::of_valid(text));
    }
    if (const JsonView reason = data["done_reason"]) done_reason_ = reason.text();
    if (const auto count = data["prompt_eval_count"].count()) answer.metrics.prompt_tokens = count;
    if (const auto count = data["eval_count"].count()) answer.metrics.completion_tokens = count;
  }

  void end_of_events() override {
    if (!answered_) return;  // an error, or nothing of ours
    const bool calls = !tool_calls_.empty();
    ObjectText message;
    message.add("role", "\"assistant\"").add("content", content_.empty() && calls ? "null" : requoted(content_));
    if (!thinking_.empty()) message.add("thinking", requoted(thinking_));
    if (calls) message.add("tool_calls", tool_calls_.text());
    ObjectText choice;
    choice.add("index", "0");
    if (!incomplete()) choice.add("finish_reason", calls && done_reason_ == "\"stop\"" ? "\"tool_calls\"" : done_reason_);
    choice.add("message", message.text());
    answer.output = ArrayText().add(choice.text()).text();
  }

 private:
  std::string content_, thinking_;  // between quotes
  std::string done_reason_;         // JSON text
  ArrayText tool_calls_;
  std::size_t next_call_ = 0;
  bool answered_ = false;
};

std::unique_ptr<ResponseParser> new_response(const CallTarget&) { return std::make_unique<OllamaParser>(); }

}  // namespace

const Dialect ollama_chat{"ollama", read_chat_request, new_response, openai_media, JsonStream::lines};
const Dialect ollama_generate{"ollama", read_generate_request, new_response, openai_media, JsonStream::lines};

}  // namespace braintrust::llm
