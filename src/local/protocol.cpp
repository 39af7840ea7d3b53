#include "local/protocol.h"

#include <string_view>

#include <braintrust/version.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace braintrust::local {
namespace {

using nlohmann::json;

constexpr const char* org_id = "00000000-0000-4000-8000-000000000001";
constexpr const char* org_name = "local";

// The service's own limit. Clients split by it and upload apart what is larger; it is held here too, so that one that does
// neither is told now and not in production. An upload may be as large as the listener takes.
constexpr std::size_t logs3_payload_max_bytes = 6UL * 1024 * 1024;

constexpr std::string_view upload_path = "/logs3/overflow/";

std::string to_text(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

HttpAnswer ok(const json& body) { return {200, to_text(body)}; }

HttpAnswer refuse(int status, std::string_view message) { return {status, to_text({{"error", message}})}; }

HttpAnswer refuse(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_argument:
      return refuse(400, error.message);
    case ErrorCode::unauthorized:
      return refuse(403, error.message);
    case ErrorCode::not_found:
      return refuse(404, error.message);
    default:
      return refuse(500, error.message);
  }
}

// "localhost", "127.0.0.1" or "[::1]", with any port.
bool is_loopback_name(std::string_view host) {
  if (const auto colon = host.rfind(':'); colon != std::string_view::npos && host.back() != ']') host = host.substr(0, colon);
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

bool has_key(const HttpRequest& request) {
  const auto value = request.header("Authorization");
  constexpr std::string_view scheme = "Bearer ";
  return value.starts_with(scheme) && value.find_first_not_of(' ', scheme.size()) != std::string::npos;
}

// Whatever name the client reached us by is the one that works for it.
std::string own_url(const HttpRequest& request) { return "http://" + request.header("Host"); }

}  // namespace

HttpAnswer Protocol::answer(const HttpRequest& request) {
  if (!any_host_ && !is_loopback_name(request.header("Host"))) {
    return refuse(403, "this server answers to localhost, 127.0.0.1 and [::1] only (--allow-remote lifts this)");
  }
  const auto is = [&](std::string_view method, std::string_view path) {
    return request.method == method && request.path == path;
  };
  if (is("GET", "/ping")) return ok({{"status", "ok"}, {"name", "braintrust-local"}, {"version", BRAINTRUST_VERSION}});
  // The one call without a key: a signed address carries its right in itself.
  if (request.method == "PUT" && request.path.starts_with(upload_path)) return put_upload(request);
  if (!has_key(request)) return refuse(401, "no API key: send Authorization: Bearer KEY, any key will do here");
  if (is("POST", "/logs3")) return logs3(request);
  if (is("POST", "/logs3/overflow")) return begin_upload(request);
  if (is("GET", "/version")) {
    return ok({{"version", BRAINTRUST_VERSION}, {"logs3_payload_max_bytes", logs3_payload_max_bytes}});
  }
  if (is("POST", "/api/apikey/login")) return login(request);
  if (is("POST", "/api/project/register")) return register_project(request);
  if (is("GET", "/api/project")) return get_project(request);
  return refuse(404, fmt::format("braintrust-local does not know {} {}", request.method, request.path));
}

HttpAnswer Protocol::login(const HttpRequest& request) {
  const auto url = own_url(request);
  return ok({{"org_info", {{{"id", org_id}, {"name", org_name}, {"api_url", url}, {"proxy_url", url}}}}});
}

HttpAnswer Protocol::register_project(const HttpRequest& request) {
  const auto body = json::parse(request.body, nullptr, false);
  if (!body.is_object()) return refuse(400, "not a JSON object");
  const auto name = body.find("project_name");
  if (name == body.end() || !name->is_string() || name->get_ref<const std::string&>().empty()) {
    return refuse(400, "project_name must be a text that is not blank");
  }
  const auto project = store_.register_project(name->get_ref<const std::string&>());
  if (!project) return refuse(project.error());
  return ok({{"project", {{"id", project->id}, {"name", project->name}, {"org_id", org_id}}}});
}

HttpAnswer Protocol::get_project(const HttpRequest& request) {
  const auto project = store_.project(request.query("id"));
  if (!project) return refuse(project.error());
  return ok({{"id", project->id}, {"name", project->name}, {"org_id", org_id}});
}

HttpAnswer Protocol::logs3(const HttpRequest& request) {
  if (request.body.size() > logs3_payload_max_bytes) {
    return refuse(413, fmt::format("{} bytes are more than the {} that /version tells of: send fewer rows at a time, or upload "
                                   "them by way of /logs3/overflow",
                                   request.body.size(), logs3_payload_max_bytes));
  }
  const auto rows = store_.write(request.body);
  if (!rows) return refuse(rows.error());
  return ok({{"rows", *rows}});
}

HttpAnswer Protocol::begin_upload(const HttpRequest& request) {
  const auto upload = store_.begin_upload();
  if (!upload) return refuse(upload.error());
  const auto url = fmt::format("{}{}{}?token={}", own_url(request), upload_path, upload->key, upload->token);
  return ok({{"method", "PUT"}, {"signedUrl", url}, {"headers", {{"Content-Type", "application/json"}}}, {"key", upload->key}});
}

HttpAnswer Protocol::put_upload(const HttpRequest& request) {
  const auto stored = store_.put_upload(request.path.substr(upload_path.size()), request.query("token"), request.body);
  if (!stored) return refuse(stored.error());
  return {};
}

}  // namespace braintrust::local
