#include "eval/model_client.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>

#include <braintrust/instrument/call.h>

#include "api/client.h"
#include "core/env_file.h"
#include "core/environment.h"
#include "core/json_member.h"
#include "core/secrets.h"
#include "eval/json_values.h"
#include "instrument/known_endpoints.h"
#include "pipeline/blocking_http.h"

namespace braintrust::scorers {
namespace {

struct Shared {
  std::mutex mutex;
  Defaults defaults;
};

Shared& shared() {
  static Shared* const instance = new Shared;
  return *instance;
}

}  // namespace

void init(const Defaults& defaults) {
  const std::lock_guard lock(shared().mutex);
  shared().defaults = defaults;
}

}  // namespace braintrust::scorers

namespace braintrust::eval {

using nlohmann::json;
using pipeline::origin_of;

namespace {

constexpr std::string_view gateway_url = "https://gateway.braintrust.dev";
constexpr unsigned tries_of_failures = 3;
constexpr std::size_t most_of_excerpt = 200;

scorers::Defaults defaults() {
  const std::lock_guard lock(scorers::shared().mutex);
  return scorers::shared().defaults;
}

// The first that is not blank, without white space at its ends.
std::string first_of(std::initializer_list<std::string_view> texts) {
  for (const std::string_view text : texts) {
    if (!detail::is_blank(text)) return std::string(detail::trimmed(text));
  }
  return {};
}

std::string key_of_file() {
  std::error_code error;
  const auto directory = std::filesystem::current_path(error);
  const auto file = error ? detail::EnvFile() : detail::find_env_file(directory.string());
  const auto found = file.find("BRAINTRUST_API_KEY");
  return found == file.end() ? std::string() : found->second;
}

pipeline::HttpRequest request_of(const scorers::ModelClient& client, std::string url, std::string_view body) {
  pipeline::HttpRequest request{.method = "POST",
                                .url = std::move(url),
                                .headers = {{"Content-Type", "application/json"}},
                                .borrowed_body = body,
                                .timeout = client.timeout};
  if (!client.api_key.empty()) request.headers.emplace_back("Authorization", "Bearer " + client.api_key);
  request.headers.insert(request.headers.end(), client.headers.begin(), client.headers.end());
  return request;
}

// A server that is no known provider's is one all the same: somebody chose it for this. What is switched off stays so.
llm::Call start_call(const std::string& url, std::string_view path, std::string_view body) {
  auto call = llm::start_call({.request = body, .url = url});
  const bool is_known = llm::find_endpoint(url, llm::Endpoints()).has_value();
  if (call || is_known || instrument::known_endpoints().is_off("openai")) return call;
  return llm::start_call({.provider = "openai", .path = path, .request = body});
}

// Some servers want the key in a header of their own.
void hide_keys(std::string& text, const scorers::ModelClient& client) {
  detail::hide_secret(text, client.api_key);
  for (const auto& [name, value] : client.headers) detail::hide_secret(text, value);
  detail::hide_bearers(text);
}

}  // namespace

scorers::ModelClient resolved(const std::optional<scorers::ModelClient>& given, std::string_view scorer) {
  const auto environment = detail::Environment::snapshot();
  auto client = given ? *given : defaults().client;
  const std::string gateway = first_of({environment.get("BRAINTRUST_AI_GATEWAY_URL"), gateway_url});
  client.base_url = first_of({client.base_url, environment.get("OPENAI_BASE_URL"), gateway});
  const std::string origin = origin_of(client.base_url);
  require(!origin.empty(), scorer, "needs a base_url that begins with http:// or https://");

  const bool is_braintrusts = origin == origin_of(gateway) || origin == origin_of(gateway_url) ||
                              origin == origin_of(pipeline::default_api_url);  // which has a proxy below it
  // Braintrust's key goes to Braintrust only: autoevals offers it to any server that it has no other key for.
  if (is_braintrusts) client.api_key = first_of({client.api_key, environment.get("BRAINTRUST_API_KEY")});
  if (client.api_key.empty() && is_braintrusts) client.api_key = first_of({key_of_file()});
  client.api_key = first_of({client.api_key, environment.get("OPENAI_API_KEY")});
  require(!client.api_key.empty() || !is_braintrusts || !client.headers.empty(), scorer,
          "has no key for " + origin + ": set BRAINTRUST_API_KEY, or name another server (OPENAI_BASE_URL, or the client)");
  return client;
}

std::string default_model(std::string_view fallback) { return first_of({defaults().default_model, fallback}); }

json ask_model(const scorers::ModelClient& client, std::string_view path, const nlohmann::ordered_json& request,
               std::string_view scorer) {
  const std::string url = pipeline::join_url(client.base_url, path);
  const std::string body = request.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  auto call = start_call(url, path, body);
  // In an eval the scorer's span hands this down; outside of one, nobody else says it.
  call.span().set_attributes("", SpanType::none, {{"purpose", "scorer"}});
  auto response = pipeline::with_retries(std::min(tries_of_failures, client.tries),
                                         [&] { return pipeline::send_and_wait(request_of(client, url, body)); },
                                         {.tries_if_asked = client.tries});
  if (!response.ok()) hide_keys(response.body, client);
  call.on_chunk(response.body);
  call.end({.status = response.status, .error = response.status == 0 ? std::string_view(response.error) : std::string_view()});

  if (!response.ok()) {
    const auto error = detail::error_of({.method = "POST", .path = std::string(path.substr(1))}, response);
    throw std::runtime_error(fmt::format("{} got no answer of {}: {}", scorer, origin_of(url), error.message));
  }
  auto answer = parsed(response.body);
  if (!answer) {
    throw std::runtime_error(
        fmt::format("{} got an answer of {} that is no JSON: {}", scorer, origin_of(url), excerpt(response.body)));
  }
  return *std::move(answer);
}

std::string excerpt(std::string_view text) {
  std::size_t end = std::min(text.size(), most_of_excerpt);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  std::string line(text.substr(0, end));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return end < text.size() ? line + "…" : line;
}

}  // namespace braintrust::eval
