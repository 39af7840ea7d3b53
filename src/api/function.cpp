#include <braintrust/api/function.h>

#include <exception>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "api/client.h"
#include "api/server_events.h"
#include "core/environment.h"
#include "core/json_member.h"
#include "core/json_scan.h"
#include "trace/exception_text.h"
#include "trace/logger_core.h"
#include "trace/propagation.h"

namespace braintrust {
namespace {

using detail::ApiCall;
using detail::Client;
using detail::is_blank;
using nlohmann::json;
using Kind = InvokeEvent::Kind;

constexpr std::size_t most_event_bytes = std::size_t{64} << 20;
constexpr Kind kinds[] = {Kind::text_delta, Kind::reasoning_delta, Kind::json_delta, Kind::error,
                          Kind::console,    Kind::progress,        Kind::start,      Kind::done};

// Puts into `body` which function is meant.
std::optional<Error> name_function(json& body, const InvokeOptions& options, const pipeline::Settings& settings) {
  const auto refuse = [](const char* what) { return Error{ErrorCode::invalid_argument, what}; };
  const int named = !is_blank(options.function_id) + !is_blank(options.slug) + !is_blank(options.global_function);
  if (named != 1) return refuse("invoke needs one of: project and slug, function_id, global_function");
  if (!is_blank(options.function_id)) {
    body["function_id"] = options.function_id;
  } else if (!is_blank(options.slug)) {
    if (is_blank(options.project) && !is_blank(settings.project_id)) {
      return refuse("invoke needs the name of the function's project, or the function's id");  // an id of a project is no name
    }
    body["project_name"] = is_blank(options.project) ? settings.project : options.project;
    body["slug"] = options.slug;
  } else {
    body["global_function"] = options.global_function;
    body["function_type"] = is_blank(options.function_type) ? "scorer" : options.function_type;
    return std::nullopt;
  }
  if (!is_blank(options.version)) body["version"] = options.version;
  return std::nullopt;
}

std::string parent_of(const InvokeOptions& options, const Client& client) {
  if (options.parent.span()) return options.parent.span().export_slug();
  if (!options.parent.slug().empty()) return std::string(options.parent.slug());
  if (options.parent.received()) return detail::received_slug(options.parent);
  // The current span means something only to the server that it goes to.
  const SpanHandle current = current_span();
  const bool same_server = current && client_of(*current.ref().core).get() == &client;
  return same_server ? current.export_slug() : std::string();
}

Result<ApiCall> call_for(const InvokeOptions& options, Client& client, bool streamed) {
  json body = {{"input", options.input}, {"stream", streamed}};
  if (auto error = name_function(body, options, client.settings())) return *std::move(error);
  if (!options.metadata.is_null() && !options.metadata.is_object()) {
    return Error{ErrorCode::invalid_argument, "metadata of invoke must be an object"};
  }
  if (!options.expected.is_null()) body["expected"] = options.expected;
  if (!options.metadata.is_null()) body["metadata"] = options.metadata;
  if (!options.messages.is_null()) body["messages"] = options.messages;
  if (!options.tags.empty()) body["tags"] = options.tags;
  if (!is_blank(options.mode)) body["mode"] = options.mode;
  if (options.strict) body["strict"] = true;
  if (std::string parent = parent_of(options, client); !parent.empty()) body["parent"] = std::move(parent);

  ApiCall call{.host = detail::Host::proxy, .method = "POST", .path = "function/invoke", .repeatable = false};
  call.body = std::move(body);
  call.timeout = options.timeout;
  if (streamed) call.headers = {{"Accept", "text/event-stream"}};
  return call;
}

// What has come of a streamed result.
class Streamed {
 public:
  explicit Streamed(const std::function<void(const InvokeEvent&)>& on_event)
      : on_event_(on_event),
        events_([this](std::string_view name, std::string_view data) { return take(name, data); }, most_event_bytes) {}

  bool feed(std::string_view bytes) {
    size_ += bytes.size();
    if (size_ <= most_event_bytes) return events_.feed(bytes);
    too_long_ = true;
    return false;
  }

  // After the last byte. `broken`: why there was no more, blank when there should not be.
  Result<json> result(const ApiCall& call, const pipeline::HttpResponse& response) const {
    if (failure_) return *failure_;
    if (too_long_ || events_.too_long()) {
      return Error{ErrorCode::bad_response, "the function's answer is longer than 64 MiB"};
    }
    if (done_) return value();
    if (!response.ok()) return error_of(call, response);
    return Error{ErrorCode::transport, "the function's answer broke off: the stream ended before its `done`"};
  }

 private:
  bool take(std::string_view name, std::string_view data) {
    for (const Kind kind : kinds) {
      if (to_string(kind) == name) return take(kind, data);
    }
    return true;  // of a newer server
  }

  bool take(Kind kind, std::string_view data) {
    InvokeEvent event{.kind = kind};
    switch (kind) {
      case Kind::text_delta:
        text_ += event.text = text_of(data);
        has_text_ = true;
        break;
      case Kind::reasoning_delta:
        reasoning_ += event.text = text_of(data);
        has_reasoning_ = true;
        break;
      case Kind::json_delta:
        json_ += event.text = data;
        break;
      case Kind::error:
        event.text = text_of(data);
        failure_ = Error{ErrorCode::http_status, fmt::format("the function failed: {}", event.text)};
        break;
      case Kind::console:
      case Kind::progress:
        event.data = tree_of(data);
        event.text = detail::text_at(event.data, "message");
        break;
      case Kind::start:
        break;
      case Kind::done:
        done_ = true;
        break;
    }
    try {
      if (on_event_) on_event_(event);
    } catch (...) {  // must not pass through the HTTP library
      failure_ = Error{ErrorCode::callback_failed,
                       fmt::format("on_event threw: {}", detail::exception_text(std::current_exception()))};
    }
    return !failure_;
  }

  // Null when it is no JSON, or nests so deep that the tree could not be copied safely.
  static json tree_of(std::string_view data) {
    json value = detail::nests_deeper(data, detail::max_json_depth) ? json() : json::parse(data, nullptr, false);
    return value.is_discarded() ? json() : value;
  }

  // A JSON text, or what came in its place.
  static std::string text_of(std::string_view data) {
    const json value = tree_of(data);
    if (value.is_string()) return value.get<std::string>();
    const std::string message = detail::text_at(value, "message");
    return message.empty() ? std::string(data) : message;
  }

  Result<json> value() const {
    if (!json_.empty()) {
      if (detail::nests_deeper(json_, detail::max_json_depth)) {
        return Error{ErrorCode::bad_response,
                     fmt::format("the function's answer nests deeper than {} levels", detail::max_json_depth)};
      }
      json value = json::parse(json_, nullptr, false);
      if (!value.is_discarded()) return value;
      return Error{ErrorCode::bad_response, "the function's pieces of JSON make no JSON together"};
    }
    if (has_text_) return json(text_);
    if (has_reasoning_) return json(reasoning_);
    return json();
  }

  const std::function<void(const InvokeEvent&)>& on_event_;
  detail::ServerEvents events_;
  std::size_t size_ = 0;
  std::string text_, reasoning_, json_;
  bool has_text_ = false;
  bool has_reasoning_ = false;
  bool done_ = false;
  bool too_long_ = false;
  std::optional<Error> failure_;
};

}  // namespace

std::string_view to_string(InvokeEvent::Kind kind) noexcept {
  switch (kind) {
    case Kind::text_delta:
      return "text_delta";
    case Kind::reasoning_delta:
      return "reasoning_delta";
    case Kind::json_delta:
      return "json_delta";
    case Kind::error:
      return "error";
    case Kind::console:
      return "console";
    case Kind::progress:
      return "progress";
    case Kind::start:
      return "start";
    case Kind::done:
      return "done";
  }
  return "unknown";
}

Result<json> invoke(const InvokeOptions& options) {
  const auto client = detail::client_for(options.connection);
  const auto call = call_for(options, *client, false);
  if (!call) return call.error();
  return client->call(*call);
}

Result<json> invoke(const InvokeOptions& options, const std::function<void(const InvokeEvent&)>& on_event) {
  const auto client = detail::client_for(options.connection);
  auto call = call_for(options, *client, true);
  if (!call) return call.error();
  Streamed streamed(on_event);
  call->on_body = [&](std::string_view bytes) { return streamed.feed(bytes); };
  const auto response = client->exchange(*call);
  if (!response) return response.error();
  return streamed.result(*call, *response);
}

std::string RemoteFunction::name() const {
  const std::string& what = !is_blank(options_.slug)          ? options_.slug
                            : !is_blank(options_.function_id) ? options_.function_id
                                                              : options_.global_function;
  const std::string project = is_blank(options_.project) ? std::string() : options_.project + "-";
  return fmt::format("init_function-{}{}-{}", project, what, is_blank(options_.version) ? "latest" : options_.version);
}

Result<json> RemoteFunction::operator()(const json& input) const {
  InvokeOptions options = options_;
  options.input = input;
  return invoke(options);
}

RemoteFunction init_function(InvokeOptions options) { return RemoteFunction(std::move(options)); }

}  // namespace braintrust
