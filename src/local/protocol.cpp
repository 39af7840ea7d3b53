#include "local/protocol.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include <braintrust/version.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/json_member.h"
#include "local/calls.h"
#include "local/projects.h"

namespace braintrust::local {
namespace {

using nlohmann::json;

// The service's own limit. Clients split by it and upload apart what is larger; it is held here too, so that one that does
// neither is told now and not in production. An upload may be as large as the listener takes.
constexpr std::size_t logs3_payload_max_bytes = 6UL * 1024 * 1024;

constexpr std::string_view upload_path = "/logs3/overflow/";
constexpr std::string_view attachment_path = "/attachment/content/";

// What may stand in a URL as it is: a UUID, and what else a client may think of.
bool is_key(std::string_view text) {
  return !text.empty() && text.size() <= 200 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7F; });
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
  // The calls without a key: a signed address carries its right in itself.
  if (request.method == "PUT" && request.path.starts_with(upload_path)) return put_upload(request);
  if (request.method == "PUT" && request.path.starts_with(attachment_path)) return put_attachment(request);
  if (request.method == "GET" && request.path.starts_with(attachment_path)) return get_attachment(request);
  // Where links of other clients lead.
  if (request.method == "GET" && request.path.starts_with("/app/")) {
    return {200,
            "braintrust-local has no pages. In a terminal, with the same --db:\n\n"
            "  braintrust-local show                    the traces there are\n"
            "  braintrust-local show --experiments      the experiments, and their scores\n"
            "  braintrust-local show --experiment NAME  one of them, compared to the one before\n"
            "  braintrust-local show --datasets         the datasets\n",
            "text/plain; charset=utf-8"};
  }
  if (auto answer = otlp_calls(store_, request, has_key(request))) return *std::move(answer);
  if (!has_key(request)) return refuse(401, "no API key: send Authorization: Bearer KEY, any key will do here");
  if (is("POST", "/logs3")) return logs3(request);
  if (is("POST", "/logs3/overflow")) return begin_upload(request);
  if (is("POST", "/attachment")) return begin_attachment(request);
  if (is("POST", "/attachment/status")) return report_attachment(request);
  if (is("GET", "/attachment")) return find_attachment(request);
  if (is("GET", "/version")) {
    return ok({{"version", BRAINTRUST_VERSION}, {"logs3_payload_max_bytes", logs3_payload_max_bytes}});
  }
  if (is("POST", "/api/apikey/login")) return login(request);
  if (is("POST", "/api/project/register")) return register_project(request);
  if (is("GET", "/api/project")) return get_project(request);
  for (const auto calls : {dataset_calls, experiment_calls, prompt_calls}) {
    try {
      if (auto answer = calls(store_, request)) return *std::move(answer);
    } catch (const Refused& refused) {
      return refuse(refused.error);
    }
  }
  return refuse(404, fmt::format("braintrust-local does not know {} {}", request.method, request.path));
}

HttpAnswer Protocol::login(const HttpRequest& request) {
  const auto url = own_url(request);
  return ok({{"org_info", {{{"id", org_id}, {"name", org_name}, {"api_url", url}, {"proxy_url", url}}}}});
}

HttpAnswer Protocol::register_project(const HttpRequest& request) {
  const auto body = detail::parse_bounded(request.body);
  if (!body.is_object()) return refuse(400, "not a JSON object");
  const auto name = body.find("project_name");
  if (name == body.end() || !name->is_string() || name->get_ref<const std::string&>().empty()) {
    return refuse(400, "project_name must be a text that is not blank");
  }
  const auto project = store_.register_project(name->get_ref<const std::string&>());
  if (!project) return refuse(project.error());
  return ok({{"project", to_json(*project)}});
}

HttpAnswer Protocol::get_project(const HttpRequest& request) {
  const auto project = store_.project(request.query("id"));
  if (!project) return refuse(project.error());
  return ok(to_json(*project));
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

HttpAnswer Protocol::begin_attachment(const HttpRequest& request) {
  const auto body = detail::parse_bounded(request.body);
  const auto key = text_field(body, "key"), filename = text_field(body, "filename"), type = text_field(body, "content_type");
  if (!is_key(key)) return refuse(400, "key must be a text of letters, digits and '-', at most 200");
  if (filename.empty() || type.empty() || !is_printable(type)) return refuse(400, "filename and content_type must be texts");
  const auto token = store_.begin_attachment(key, filename, type);
  if (!token) return refuse(token.error());
  const auto url = fmt::format("{}{}{}?token={}", own_url(request), attachment_path, key, *token);
  return ok({{"signedUrl", url}, {"headers", json::object()}});
}

HttpAnswer Protocol::report_attachment(const HttpRequest& request) {
  const auto body = detail::parse_bounded(request.body);
  const auto status = body.is_object() && body.contains("status") ? body["status"] : json();
  const auto word = text_field(status, "upload_status");
  if (word != "uploading" && word != "done" && word != "error") {
    return refuse(400, "status.upload_status must be \"uploading\", \"done\" or \"error\"");
  }
  const auto reported = store_.report_attachment(text_field(body, "key"), word, text_field(status, "error_message"));
  if (!reported) return refuse(reported.error());
  return {};
}

HttpAnswer Protocol::find_attachment(const HttpRequest& request) {
  const auto key = request.query("key");
  if (key.empty()) return refuse(400, "give the key of an attachment; external ones are read from their own URL");
  const auto found = store_.attachment(key);
  if (!found) return refuse(found.error());
  json status = {{"upload_status", found->status}};
  if (!found->error.empty()) status["error_message"] = found->error;
  const auto url = fmt::format("{}{}{}?token={}", own_url(request), attachment_path, found->key, found->token);
  return ok({{"downloadUrl", url}, {"status", status}});
}

HttpAnswer Protocol::put_attachment(const HttpRequest& request) {
  const auto key = request.path.substr(attachment_path.size());
  const auto stored = store_.put_attachment(key, request.query("token"), request.body);
  if (!stored) return refuse(stored.error());
  return {};
}

HttpAnswer Protocol::get_attachment(const HttpRequest& request) {
  const auto found = store_.attachment(request.path.substr(attachment_path.size()));
  if (!found) return refuse(found.error());
  if (request.query("token") != found->token) return refuse(403, "the token is wrong");
  auto bytes = store_.attachment_bytes(found->key);
  if (!bytes) return refuse(bytes.error());
  // A page that somebody attached must not run as one of ours: it could read every trace.
  return {.body = *std::move(bytes),
          .content_type = found->content_type,
          .headers = {{"Content-Security-Policy", "sandbox"}, {"X-Content-Type-Options", "nosniff"}}};
}

}  // namespace braintrust::local
