// Google's generateContent and streamGenerateContent, of the Gemini API and of Vertex. Source: INST 14, 5.17, 18.26, 18.27.
//
// Members may be written in lowerCamelCase or snake_case, as in all JSON made of protocol buffers.

#include <algorithm>
#include <map>
#include <vector>

#include "llm/dialects.h"
#include "llm/openai.h"

namespace braintrust::llm {
namespace {

JsonView either(JsonView object, std::string_view camel, std::string_view snake) {
  const JsonView value = object[camel];
  return value ? value : object[snake];
}

// --- the request ---

std::string model_in(std::string_view path) {
  std::string model = path_segment(path, "/models/");
  if (model.empty()) model = path_segment(path, "/tunedModels/");
  if (model.empty()) model = path_segment(path, "/endpoints/");
  return model.substr(0, model.rfind(':'));
}

std::string lower(JsonView text) {
  std::string out(text.inside());
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// INST 5.17: JSON Schema's types are in lower case. The depth is bounded by what counts as JSON at all.
std::string lower_case_types(JsonView schema) {  // NOLINT(misc-no-recursion)
  if (schema.is_array()) {
    ArrayText out;
    schema.each_element([&](JsonView element) { out.add(lower_case_types(element)); });
    return out.text();
  }
  if (!schema.is_object()) return std::string(schema.text());
  ObjectText out;
  schema.each_member([&](std::string_view key, JsonView value) {
    const bool type = key == "type" && value.is_string();
    out.add(key, type ? requoted(lower(value)) : lower_case_types(value));
  });
  return out.text();
}

std::string canonical_tool(JsonView declaration) {
  ObjectText function;
  function.add("name", declaration["name"]);
  add_setting(function, "description", declaration["description"]);
  if (const JsonView schema = either(declaration, "parametersJsonSchema", "parameters_json_schema")) {
    function.add("parameters", schema);
  } else if (const JsonView parameters = declaration["parameters"]) {
    function.add("parameters", lower_case_types(parameters));
  }
  return ObjectText().add("type", "\"function\"").add("function", function.text()).text();
}

void add_tool_settings(ObjectText& metadata, JsonView body) {
  ArrayText tools;
  body["tools"].each_element([&](JsonView tool) {
    tool.each_member([&](std::string_view key, JsonView value) {
      if (key == "functionDeclarations" || key == "function_declarations") {
        value.each_element([&](JsonView declaration) { tools.add(canonical_tool(declaration)); });
      } else {
        tools.add(ObjectText().add(key, value).text());
      }
    });
  });
  add_tools(metadata, tools);

  const JsonView config = either(either(body, "toolConfig", "tool_config"), "functionCallingConfig", "function_calling_config");
  const std::string mode = lower(config["mode"]);
  const JsonView allowed = either(config, "allowedFunctionNames", "allowed_function_names");
  if (mode == "auto" || mode == "validated") metadata.add("tool_choice", "\"auto\"");
  if (mode == "none") metadata.add("tool_choice", "\"none\"");
  if (mode == "any") {
    const JsonView only = allowed.element(1).text().empty() ? allowed.element(0) : JsonView();
    metadata.add("tool_choice", only ? chosen_function(only) : "\"required\"");
  }
}

// INST 6.5
void add_settings(ObjectText& metadata, JsonView config) {
  add_setting(metadata, "temperature", config["temperature"]);
  add_setting(metadata, "top_p", either(config, "topP", "top_p"));
  add_setting(metadata, "max_tokens", either(config, "maxOutputTokens", "max_output_tokens"));
  add_setting(metadata, "frequency_penalty", either(config, "frequencyPenalty", "frequency_penalty"));
  add_setting(metadata, "presence_penalty", either(config, "presencePenalty", "presence_penalty"));
  add_setting(metadata, "stop", either(config, "stopSequences", "stop_sequences"));
  const JsonView type = either(config, "responseMimeType", "response_mime_type");
  JsonView schema = either(config, "responseJsonSchema", "response_json_schema");
  const bool is_json_schema = static_cast<bool>(schema);
  if (!schema) schema = either(config, "responseSchema", "response_schema");
  if (schema) {
    const std::string text = is_json_schema ? std::string(schema.text()) : lower_case_types(schema);
    const std::string json_schema = ObjectText().add("schema", text).text();
    metadata.add("response_format", ObjectText().add("type", "\"json_schema\"").add("json_schema", json_schema).text());
  } else if (type.is("application/json")) {
    metadata.add("response_format", R"({"type":"json_object"})");
  } else if (type.is("text/plain")) {
    metadata.add("response_format", R"({"type":"text"})");
  }
}

Request read_request(const CallTarget& call, JsonView body) {
  Request request;
  request.name = "generate_content";  // INST 4.8, 4.9
  request.model = model_in(call.path);
  ObjectText input;  // INST 14.1, 14.2, 14.4
  input.add_string("model", request.model);
  input.add("contents", body["contents"]);
  add_setting(input, "systemInstruction", either(body, "systemInstruction", "system_instruction"));
  request.input = input.text();
  add_settings(request.metadata, either(body, "generationConfig", "generation_config"));
  add_tool_settings(request.metadata, body);
  return request;
}

// --- inline data ---

std::string type_of(JsonView inline_data) { return either(inline_data, "mimeType", "mime_type").string(); }

// --- the response ---

// INST 14.9 to 14.13. Later chunks overwrite what they say.
struct Usage {
  Metrics::Count prompt, tool_prompt, candidates, thoughts, total, cached, prompt_audio, completion_audio, completion_image;

  void take(JsonView usage) {
    usage.each_member([&](std::string_view key, JsonView value) {
      if (key == "promptTokenCount") overwrite(prompt, value);
      if (key == "toolUsePromptTokenCount") overwrite(tool_prompt, value);
      if (key == "candidatesTokenCount") overwrite(candidates, value);
      if (key == "thoughtsTokenCount") overwrite(thoughts, value);
      if (key == "totalTokenCount") overwrite(total, value);
      if (key == "cachedContentTokenCount") overwrite(cached, value);
      if (key == "promptTokensDetails") take_modality(prompt_audio, value, "AUDIO");
      if (key == "candidatesTokensDetails") {
        take_modality(completion_audio, value, "AUDIO");
        take_modality(completion_image, value, "IMAGE");
      }
    });
  }

  static void overwrite(Metrics::Count& count, JsonView value) {
    if (const auto given = value.count()) count = given;
  }
  static void take_modality(Metrics::Count& count, JsonView details, std::string_view modality) {
    details.each_element([&](JsonView detail) {
      if (detail["modality"].is(modality)) overwrite(count, detail["tokenCount"]);
    });
  }

  Metrics metrics() const {
    Metrics metrics;
    if (prompt) metrics.prompt_tokens = *prompt + or_zero(tool_prompt);
    if (candidates || thoughts) metrics.completion_tokens = or_zero(candidates) + or_zero(thoughts);
    metrics.tokens = total;
    metrics.prompt_cached_tokens = cached;
    metrics.completion_reasoning_tokens = thoughts;
    metrics.prompt_audio_tokens = prompt_audio;
    metrics.completion_audio_tokens = completion_audio;
    metrics.completion_image_tokens = completion_image;
    return metrics;
  }
};

// The inline data of a part that is sound and nothing else.
JsonView sound_in(JsonView part) {
  JsonView data;
  std::size_t members = 0;
  part.each_member([&](std::string_view key, JsonView value) {
    ++members;
    if (key == "inlineData" || key == "inline_data") data = value;
  });
  const bool sound = members == 1 && data["data"].is_string() && type_of(data).starts_with("audio/");
  return sound ? data : JsonView();
}

// A part of a streamed candidate. Plain text and sound grow; anything else is kept as it came.
struct Part {
  std::string json;        // of parts that are not plain text, as they came
  std::string text;        // between quotes
  std::string sound_type;  // of a part that `sound_in` knows
  std::string sound;       // base64 of all its bytes; blank while there is one piece only
  bool thought = false;

  std::string to_json() const {
    if (!sound.empty()) return with_sound();
    if (!json.empty()) return json;
    return (thought ? R"({"thought":true,"text":")" : R"({"text":")") + text + "\"}";
  }

 private:
  std::string with_sound() const {
    ObjectText out;
    JsonView::of_valid(json).each_member([&](std::string_view key, JsonView data) {
      out.add(key, changed(data, {{"data", json_string(sound)}}));
    });
    return out.text();
  }
};

struct Candidate {
  std::string role;  // JSON text
  std::vector<Part> parts;
  bool has_content = false;
  bool has_parts = false;                       // a list of them, if only an empty one
  ArrayText chosen_candidates, top_candidates;  // of logprobsResult: an element for each token
  std::map<std::string, std::string> others;    // finishReason, groundingMetadata, …: the last one counts
};

class GenerateContentParser final : public ResponseParser {
 public:
  void body(JsonView body) override {
    if (body.is_array()) {  // a stream without alt=sse, read as a whole
      body.each_element([&](JsonView chunk) { event({}, chunk); });
      return end_of_events();
    }
    std::string_view all;
    read(body, [&](JsonView candidates) { all = candidates.is_empty_container() ? "[]" : candidates.text(); });
    answer.metrics = usage_.metrics();
    if (!all.empty() || !feedback_.empty()) answer.output = output_of(all.empty() ? "[]" : all);
  }

  void event(std::string_view, JsonView chunk) override {
    read(chunk, [&](JsonView candidates) { candidates.each_element([&](JsonView candidate) { add(candidate); }); });
  }

  void end_of_events() override {
    answer.metrics = usage_.metrics();
    ArrayText candidates;
    for (const auto& [index, candidate] : candidates_) candidates.add(text_of(candidate));
    if (!candidates.empty() || !feedback_.empty()) answer.output = output_of(candidates.text());
  }

 private:
  template <class OnCandidates>
  void read(JsonView body, OnCandidates&& on_candidates) {
    body.each_member([&](std::string_view key, JsonView value) {
      if (!value) return;
      if (key == "candidates") {
        if (value.is_array()) on_candidates(value);
      } else if (key == "usageMetadata") {
        usage_.take(value);
      } else if (key == "modelVersion") {
        answer.model = value.string();
        answer.model.erase(0, answer.model.rfind('/') + 1);  // INST 14.5: publishers/google/models/…
      } else if (key == "promptFeedback") {
        feedback_ = value.text();
      } else if (key == "error") {
        if (answer.error.empty()) answer.error = error_in(body, "");
      }
    });
  }

  // INST 14.3: what was blocked is the whole response where there are no candidates.
  std::string output_of(std::string_view candidates) const {
    ObjectText output;
    output.add("candidates", candidates);
    if (candidates == "[]") output.add("promptFeedback", feedback_);
    return output.text();
  }

  void add(JsonView chunk) {
    if (!may_keep(candidates_.size())) return;
    Candidate& candidate = candidates_[chunk["index"].count().value_or(0)];
    chunk.each_member([&](std::string_view key, JsonView value) {
      if (key == "content") {
        add_content(candidate, value);
      } else if (value && may_keep(candidate.others.size())) {
        if (key == "logprobsResult") add_logprobs(candidate, value);
        assign(candidate.others[std::string(key)], value.text());
      }
    });
  }

  void add_content(Candidate& candidate, JsonView content) {
    if (!content.is_object()) return;
    candidate.has_content = true;
    if (const JsonView role = content["role"]) candidate.role = role.text();
    const JsonView parts = content["parts"];
    candidate.has_parts = candidate.has_parts || parts.is_array();
    parts.each_element([&](JsonView part) { add_part(candidate, part); });
  }

  void add_logprobs(Candidate& candidate, JsonView logprobs) {
    if (!take_room(logprobs.text().size())) return;
    candidate.chosen_candidates.add_elements(logprobs["chosenCandidates"]);
    candidate.top_candidates.add_elements(logprobs["topCandidates"]);
  }

  static std::string logprobs_of(const Candidate& candidate, JsonView last) {
    const auto all = [&](std::string_view key, const ArrayText& list) {
      return list.empty() ? std::string(last[key].text()) : list.text();
    };
    return changed(last, {{"chosenCandidates", all("chosenCandidates", candidate.chosen_candidates)},
                          {"topCandidates", all("topCandidates", candidate.top_candidates)}});
  }

  // INST 18.32
  void add_sound(Part& part, JsonView piece) {
    if (part.sound.empty()) append(part.sound, sound_in(JsonView::of_valid(part.json))["data"].string());
    if (take_room(piece.inside().size())) append_base64(part.sound, piece.string());
  }

  // INST 14.14
  void add_part(Candidate& candidate, JsonView part) {
    const JsonView sound = sound_in(part);
    const std::string sound_type = type_of(sound);
    if (sound && !candidate.parts.empty() && candidate.parts.back().sound_type == sound_type) {
      return add_sound(candidate.parts.back(), sound["data"]);
    }
    std::string_view text;
    bool plain = false;
    bool thought = false;
    bool other_member = false;
    part.each_member([&](std::string_view key, JsonView value) {
      if (key == "text" && value.is_string()) {
        plain = true;
        text = value.inside();
      } else if (key == "thought") {
        thought = value.is_true();
      } else {
        other_member = true;
      }
    });
    plain = plain && !other_member;
    const bool grows =
        plain && !candidate.parts.empty() && candidate.parts.back().json.empty() && candidate.parts.back().thought == thought;
    if (!grows) {
      if (!may_keep(candidate.parts.size())) return;
      candidate.parts.emplace_back().thought = thought;
    }
    Part& last = candidate.parts.back();
    if (plain) return append(last.text, text);
    last.sound_type = sound_type;
    append(last.json, part.text());
    if (last.json.empty()) candidate.parts.pop_back();
  }

  static std::string content_of(const Candidate& candidate) {
    ArrayText parts;
    for (const Part& part : candidate.parts) parts.add(part.to_json());
    ObjectText content;
    content.add("role", candidate.role);
    if (candidate.has_parts) content.add("parts", parts.text());
    return content.text();
  }

  std::string text_of(const Candidate& candidate) const {
    ObjectText out;
    if (candidate.has_content) out.add("content", content_of(candidate));
    for (const auto& [key, value] : candidate.others) {
      if (key == "finishReason" && incomplete()) continue;
      out.add(key, key == "logprobsResult" ? logprobs_of(candidate, JsonView::of_valid(value)) : value);
    }
    return out.text();
  }

  Usage usage_;
  std::string feedback_;
  std::map<std::uint64_t, Candidate> candidates_;
};

std::unique_ptr<ResponseParser> new_response(const CallTarget&) { return std::make_unique<GenerateContentParser>(); }

// INST 18.26, 18.27: key and value make way.
void inline_data(const MediaNode& node, std::vector<MediaFound>& found) {
  for (const detail::JsonMember& member : node.members) {
    if (member.key != "inlineData" && member.key != "inline_data") continue;
    const JsonView data = JsonView::of_valid(member.value);
    const std::string type = type_of(data);
    if (type.empty() || !data["data"].is_string()) continue;
    auto media = decoded_media(type, data["data"], either(data, "displayName", "display_name").string());
    if (!media) continue;
    const char* const begin = member.key.data() - 1;  // the quote before the key
    const std::string_view replaced(begin, static_cast<std::size_t>(member.value.data() + member.value.size() - begin));
    if (type.starts_with("image/")) {
      found.push_back({replaced, R"("image_url":{"url":)", "}", std::move(*media)});
    } else {
      found.push_back({replaced, R"("file":{"file_data":)", "}", std::move(*media)});
    }
  }
}

constexpr MediaFormat formats[] = {inline_data};
std::span<const MediaFormat> media() { return formats; }

}  // namespace

const Dialect google_generate_content{"google-genai", read_request, new_response, media, JsonStream::array};

}  // namespace braintrust::llm
