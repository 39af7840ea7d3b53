#include "llm/openai.h"

#include <algorithm>
#include <iterator>

#include "llm/dialect.h"

namespace braintrust::llm {
namespace {

// xAI counts reasoning beside completion_tokens and into the total; INST 7.5 wants it inside.
void put_reasoning_inside(Metrics& metrics) {
  if (!metrics.prompt_tokens || !metrics.completion_tokens || !metrics.tokens) return;
  const std::uint64_t reasoning = or_zero(metrics.completion_reasoning_tokens);
  if (reasoning > 0 && *metrics.tokens == *metrics.prompt_tokens + *metrics.completion_tokens + reasoning) {
    *metrics.completion_tokens += reasoning;
  }
}

// INST 7.13, 16.4: only where the field is known to be dollars.
std::optional<double> reported_cost(JsonView usage, std::string_view provider) {
  std::optional<double> cost;
  if (provider == "perplexity") cost = usage["cost"]["total_cost"].number();
  if (provider == "openrouter") {
    cost = usage["cost"].number();
    // With a key of the user's own, `cost` is OpenRouter's fee alone.
    if (cost && usage["is_byok"].is_true()) *cost += usage["cost_details"]["upstream_inference_cost"].number().value_or(0);
  }
  return cost && *cost >= 0 ? cost : std::nullopt;
}

// INST 18.22. Mistral takes the base64 alone.
void input_audio(const MediaNode& node, std::vector<MediaFound>& found) {
  if (const JsonView sound = node["input_audio"]; sound.is_string() && node["type"].is("input_audio")) {
    if (auto media = decoded_media({}, sound)) found.push_back({sound.text(), {}, {}, std::move(*media)});
  }
  if (node.key != "input_audio") return;
  const JsonView data = node["data"];
  const std::string format = node["format"].string();
  if (!data.is_string() || format.empty()) return;
  const std::string type = format == "mp3" ? "audio/mpeg" : "audio/" + format;
  if (auto media = decoded_media(type, data)) found.push_back({data.text(), {}, {}, std::move(*media)});
}

// INST 18.23, and what else comes as bare base64 in a field made for it.
void generated_media(const MediaNode& node, std::vector<MediaFound>& found) {
  JsonView data = node["b64_json"];
  if (!data.is_string() && node["type"].is("image_generation_call")) data = node["result"];
  std::string_view otherwise;
  if (!data.is_string() && node.key == "audio") {
    data = node["data"];
    // An answer's, which OpenAI streams as samples and no more.
    if (node["id"] || node["transcript"]) otherwise = "audio/pcm";
  }
  if (!data.is_string()) return;
  const std::string format = node["output_format"].string();
  const std::string type = format.empty() ? std::string() : "image/" + format;
  if (auto media = decoded_media(type, data, {}, otherwise)) found.push_back({data.text(), {}, {}, std::move(*media)});
}

// What opens the servers behind tools: MCP's, those that a container may reach, Google's external APIs.
bool is_secret(std::string_view key) {
  constexpr std::string_view secrets[] = {"authorization", "authorization_token", "headers", "extra_headers", "domain_secrets",
                                          "authConfig",    "auth_config",         "apiAuth", "api_auth"};
  return std::any_of(std::begin(secrets), std::end(secrets), [&](std::string_view secret) { return same_key(key, secret); });
}

// A schema names what a function wants, and holds none.
bool is_schema(std::string_view key) { return key == "function" || key == "parameters" || key == "input_schema"; }

// Tools without their secrets (INST 28.12). None is so deep as to be cut off.
std::string without_secrets(JsonView value, int depth = 0) {  // NOLINT(misc-no-recursion)
  constexpr int deepest = 16;
  if (!value.is_object() && !value.is_array()) return std::string(value.text());
  if (depth >= deepest) return {};
  if (value.is_array()) {
    ArrayText out;
    value.each_element([&](JsonView element) { out.add(without_secrets(element, depth + 1)); });
    return out.text();
  }
  ObjectText out;
  value.each_member([&](std::string_view key, JsonView member) {
    if (!is_secret(key)) out.add(key, is_schema(key) ? std::string(member.text()) : without_secrets(member, depth + 1));
  });
  return out.text();
}

constexpr MediaFormat formats[] = {input_audio, generated_media, data_urls};

}  // namespace

Metrics openai_usage(JsonView usage, std::string_view provider) {
  const auto detail = [&](std::string_view chat, std::string_view responses, std::string_view key) {
    return first_count({usage[chat][key], usage[responses][key]});
  };
  const auto prompt_detail = [&](std::string_view key) { return detail("prompt_tokens_details", "input_tokens_details", key); };
  const auto completion_detail = [&](std::string_view key) {
    return detail("completion_tokens_details", "output_tokens_details", key);
  };
  Metrics metrics;
  metrics.prompt_tokens = first_count({usage["prompt_tokens"], usage["input_tokens"]});
  metrics.completion_tokens = first_count({usage["completion_tokens"], usage["output_tokens"]});
  metrics.tokens = usage["total_tokens"].count();
  metrics.prompt_cached_tokens = prompt_detail("cached_tokens");
  if (!metrics.prompt_cached_tokens) {  // DeepSeek; Moonshot and Hugging Face
    metrics.prompt_cached_tokens = first_count({usage["prompt_cache_hit_tokens"], usage["cached_tokens"]});
  }
  metrics.prompt_cache_creation_tokens = prompt_detail("cache_write_tokens");
  metrics.prompt_audio_tokens = prompt_detail("audio_tokens");
  metrics.completion_reasoning_tokens = completion_detail("reasoning_tokens");
  metrics.completion_audio_tokens = completion_detail("audio_tokens");
  metrics.completion_image_tokens = completion_detail("image_tokens");
  metrics.estimated_cost = reported_cost(usage, provider);
  put_reasoning_inside(metrics);
  return metrics;
}

std::string openai_error(JsonView body) {
  return body["error"] || body["object"].is("error") ? error_in(body, "") : std::string();
}

void add_setting(ObjectText& metadata, std::string_view key, JsonView value) {
  if (value) metadata.add(key, value);
}

void add_openai_settings(ObjectText& metadata, JsonView body) {
  add_setting(metadata, "temperature", body["temperature"]);
  add_setting(metadata, "top_p", body["top_p"]);
  const JsonView max_tokens = body["max_tokens"];
  add_setting(metadata, "max_tokens", max_tokens ? max_tokens : body["max_completion_tokens"]);
  add_setting(metadata, "frequency_penalty", body["frequency_penalty"]);
  add_setting(metadata, "presence_penalty", body["presence_penalty"]);
  add_setting(metadata, "stop", body["stop"]);
  add_setting(metadata, "response_format", body["response_format"]);
}

void add_tools(ObjectText& metadata, const ArrayText& tools) {
  if (!tools.empty()) metadata.add("tools", without_secrets(JsonView::of_valid(tools.text())));
}

std::string chosen_function(JsonView name) {
  const std::string function = ObjectText().add("name", name).text();
  return ObjectText().add("type", "\"function\"").add("function", function).text();
}

std::span<const MediaFormat> openai_media() { return formats; }

}  // namespace braintrust::llm
