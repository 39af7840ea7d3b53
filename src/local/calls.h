#pragma once

// The calls of the protocol, by noun: each function answers those it knows. Used by `Protocol`, which has judged host and key.
//
// Threads: safe to call from any thread. Errors: become answers, as `refuse` says.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <braintrust/local/store.h>
#include <nlohmann/json.hpp>

#include "core/json_scan.h"
#include "local/http_listener.h"
#include "local/json_fields.h"
#include "local/json_text.h"
#include "local/store_state.h"

namespace braintrust::local {

// Nothing for a request that is none of theirs.
std::optional<HttpAnswer> dataset_calls(Store& store, const HttpRequest& request);
std::optional<HttpAnswer> experiment_calls(Store& store, const HttpRequest& request);
std::optional<HttpAnswer> prompt_calls(Store& store, const HttpRequest& request);

// Those of OpenTelemetry, of which also a refusal is OTLP. `has_key`: the request carries an API key.
std::optional<HttpAnswer> otlp_calls(Store& store, const HttpRequest& request, bool has_key);

inline HttpAnswer ok(const nlohmann::json& body) { return {200, compact(body)}; }
inline HttpAnswer refuse(int status, std::string_view message) { return {status, compact({{"error", message}})}; }
HttpAnswer refuse(const Error& error);

// The object in the body of a request. Refused if it is none; a blank body is an empty one.
nlohmann::json body_of(const HttpRequest& request);

// The parts of a path between its slashes; nothing unless it begins with `before`.
std::optional<std::vector<std::string>> parts_after(std::string_view before, std::string_view path);

// Answers with what `work(state)` makes, under the store's lock.
template <class Work>
HttpAnswer answer_with(Store& store, Work&& work) {
  const auto made = store.state().locked(std::forward<Work>(work));
  return made ? ok(*made) : refuse(made.error());
}

}  // namespace braintrust::local
