#include "llm/registry.h"

#include <algorithm>
#include <cstdint>

#include "llm/dialects.h"

namespace braintrust::llm {
namespace {

// The last four characters as a number. Nearly every request of a program fails here, and should do so at once.
constexpr std::uint32_t tail_of(std::string_view path) {
  std::uint32_t tail = 0;
  for (const char c : path.substr(path.size() - 4)) tail = tail << 8 | static_cast<unsigned char>(c);
  return tail;
}

struct Route {
  constexpr Route(std::string_view path, const Dialect* leads_to, std::string_view inside = {})
      : end_of_path(path), dialect(leads_to), inside_path(inside), tail(tail_of(path)) {}

  std::string_view end_of_path;
  const Dialect* dialect;
  std::string_view inside_path;  // must stand somewhere before
  std::uint32_t tail;
};

// Of several that fit the first counts.
constexpr Route routes[] = {
    {"/chat/completions", &openai_chat},
    {"/agents/completions", &openai_chat},  // Mistral
    {"/completions", &openai_completions},
    {"/responses", &openai_responses},
    {"/embeddings", &openai_embeddings},
    {"/moderations", &openai_moderations},
    {"/images/generations", &openai_images},
    {"/images/edits", &openai_images},
    {"/v1/messages", &anthropic_messages},
    {":rawPredict", &anthropic_messages, "/publishers/anthropic/"},
    {":streamRawPredict", &anthropic_messages, "/publishers/anthropic/"},
    {":generateContent", &google_generate_content},
    {":streamGenerateContent", &google_generate_content},
    {"/converse", &bedrock_converse, "/model/"},
    {"/converse-stream", &bedrock_converse, "/model/"},
    {"/invoke", &bedrock_invoke_anthropic, "anthropic."},
    {"/invoke-with-response-stream", &bedrock_invoke_anthropic, "anthropic."},
    {"/v2/chat", &cohere_chat},
    {"/api/chat", &ollama_chat},
    {"/api/generate", &ollama_generate},
};

struct Host {
  std::string_view name;  // with a dot in front: it and all hosts below it
  std::string_view provider;
};

constexpr Host hosts[] = {
    {"api.openai.com", "openai"},
    {".api.openai.com", "openai"},  // eu.api.openai.com
    {"api.anthropic.com", "anthropic"},
    {"generativelanguage.googleapis.com", "google"},
    {"aiplatform.googleapis.com", "google"},
    {"api.mistral.ai", "mistral"},
    {"codestral.mistral.ai", "mistral"},
    {"api.groq.com", "groq"},
    {"openrouter.ai", "openrouter"},
    {"api.deepseek.com", "deepseek"},
    {"api.together.xyz", "together"},
    {"api.together.ai", "together"},
    {"api.fireworks.ai", "fireworks"},
    {"api.x.ai", "xai"},
    {".api.x.ai", "xai"},
    {"api.perplexity.ai", "perplexity"},
    {"api.cerebras.ai", "cerebras"},
    {"api.cohere.com", "cohere"},
    {"api.cohere.ai", "cohere"},
    {"router.huggingface.co", "huggingface"},
    {"api-inference.huggingface.co", "huggingface"},
    {".endpoints.huggingface.cloud", "huggingface"},
    {"ollama.com", "ollama"},
    {".openai.azure.com", "azure"},
    {".cognitiveservices.azure.com", "azure"},
    {".services.ai.azure.com", "azure"},
    {".models.ai.azure.com", "azure"},
    {"models.inference.ai.azure.com", "azure"},
};

// Servers on one's own machines: known by name, not by host.
constexpr std::string_view own_servers[] = {"bedrock", "vllm", "llamacpp", "lmstudio"};

bool ends_with(std::string_view host, std::string_view end) noexcept {
  return host.size() > end.size() && same_ignoring_case(host.substr(host.size() - end.size()), end);
}

bool is_host(std::string_view host, std::string_view name) noexcept {
  return name.front() == '.' ? ends_with(host, name) : same_ignoring_case(host, name);
}

// bedrock-runtime.us-east-1.amazonaws.com, bedrock-runtime-fips.…, ….vpce.amazonaws.com, ….amazonaws.com.cn
bool is_bedrock(std::string_view host) noexcept {
  if (!ends_with(host, ".amazonaws.com") && !ends_with(host, ".amazonaws.com.cn")) return false;
  return same_ignoring_case(host.substr(0, 15), "bedrock-runtime") || host.find(".bedrock-runtime") != std::string_view::npos;
}

// us-central1-aiplatform.googleapis.com
bool is_regional_vertex(std::string_view host) noexcept { return ends_with(host, "-aiplatform.googleapis.com"); }

}  // namespace

const Dialect* dialect_of_path(std::string_view path) noexcept {
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.size() < 4) return nullptr;
  const std::uint32_t tail = tail_of(path);
  for (const Route& route : routes) {
    if (tail == route.tail && path.ends_with(route.end_of_path) && path.find(route.inside_path) != std::string_view::npos) {
      return route.dialect;
    }
  }
  return nullptr;
}

std::vector<MediaFormat> all_media_formats() {
  std::vector<MediaFormat> formats;
  for (const Route& route : routes) {
    for (const MediaFormat format : route.dialect->media()) {
      if (std::find(formats.begin(), formats.end(), format) == formats.end()) formats.push_back(format);
    }
  }
  return formats;
}

std::string_view provider_of(const Url& url) noexcept {
  for (const Host& host : hosts) {
    if (is_host(url.host, host.name)) return host.provider;
  }
  if (is_bedrock(url.host)) return "bedrock";
  if (is_regional_vertex(url.host)) return "google";
  return {};
}

bool is_provider_name(std::string_view name) noexcept {
  for (const Host& host : hosts) {
    if (host.provider == name) return true;
  }
  for (const std::string_view server : own_servers) {
    if (server == name) return true;
  }
  return false;
}

}  // namespace braintrust::llm
