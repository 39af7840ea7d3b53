#include "pipeline/delivery.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/json_member.h"
#include "core/json_scan.h"
#include "pipeline/object_store.h"

namespace braintrust::pipeline {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 6> object_id_names = {"experiment_id", "dataset_id", "prompt_session_id",
                                                             "project_id",    "log_id",     "function_data"};

// What the server wants to know of rows that it will not see itself.
std::string describe(const Batch& batch) {
  std::string rows;
  for (const HeldRow& row : batch.rows()) {
    const std::string_view text = batch.text_of(row);
    std::string ids;
    bool is_delete = false;
    detail::for_each_member(text, [&](std::string_view key, std::string_view value) {
      if (key == "_object_delete") is_delete = value == "true";
      if (std::find(object_id_names.begin(), object_id_names.end(), key) == object_id_names.end()) return;
      ids += fmt::format("{}\"{}\":{}", ids.empty() ? "" : ",", key, value);
    });
    rows += fmt::format(R"({}{{"object_ids":{{{}}},"is_delete":{},"input_row":{{"byte_size":{}}}}})", rows.empty() ? "" : ",",
                        ids, is_delete, row.size);
  }
  return fmt::format(R"({{"content_type":"application/json","size_bytes":{},"rows":[{}]}})", batch.body().size(), rows);
}

struct Way {
  HttpClient& http;
  const Session& session;
  Batch& batch;
  std::chrono::milliseconds timeout;
  Delivered delivered;
};
using SharedWay = std::shared_ptr<Way>;

void post_rows(const SharedWay& way) {
  HttpRequest request{.method = "POST",
                      .url = join_url(way->session.api_url(), "logs3"),
                      .headers = way->session.headers(),
                      .timeout = way->timeout};
  const std::string& key = way->batch.progress.overflow_key;
  if (key.empty()) {
    request.borrowed_body = way->batch.body();
  } else {
    const Json body = {{"rows", {{"type", "logs3_overflow"}, {"key", key}}}, {"api_version", 2}};
    request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  way->http.submit(std::move(request), [way](HttpResponse response) { way->delivered({.response = std::move(response)}); });
}

// The signed URL carries its own permission: our key does not go there.
void upload(const SharedWay& way, const Json& place, const std::string& key) {
  std::string url = place["signedUrl"].get<std::string>();
  auto headers = text_pairs(place, "headers");
  HttpRequest request;
  if (place["method"] == "PUT") {
    request = put_to_store(std::move(url), std::move(headers));
  } else {
    std::erase_if(headers, [](const auto& header) { return is_header(header.first, "content-type"); });
    request = {.method = "POST", .url = std::move(url), .headers = std::move(headers)};
    request.form = text_pairs(place, "fields");
    request.form_file_type = "application/json";
    for (const auto& [name, value] : request.form) {
      if (name == "Content-Type" && !value.empty()) request.form_file_type = value;
    }
  }
  request.borrowed_body = way->batch.body();
  request.timeout = way->timeout;
  way->http.submit(std::move(request), [way, key](HttpResponse response) {
    if (!response.ok()) return way->delivered({.response = std::move(response), .from_store = true});
    way->batch.progress.overflow_key = key;
    post_rows(way);
  });
}

bool is_place(const Json& answer) {
  const auto has_text = [&](const char* name) { return answer.contains(name) && answer[name].is_string(); };
  return answer.is_object() && has_text("method") && has_text("signedUrl") && has_text("key") && !answer["key"].empty() &&
         (answer["method"] == "PUT" || answer["method"] == "POST");
}

void ask_for_place(const SharedWay& way) {
  way->http.submit({.method = "POST",
                    .url = join_url(way->session.api_url(), "logs3/overflow"),
                    .headers = way->session.headers(),
                    .body = describe(way->batch),
                    .timeout = way->timeout},
                   [way](HttpResponse response) {
                     if (!response.ok()) return way->delivered({.response = std::move(response)});
                     const Json answer = detail::parse_bounded(response.body);
                     if (is_place(answer)) return upload(way, answer, answer["key"].get<std::string>());
                     // A success that makes no sense is the server's fault, like any 5xx.
                     way->delivered({.response = {.status = 502, .error = "the answer names no place for the upload"}});
                   });
}

}  // namespace

void deliver(HttpClient& http, const Session& session, Batch& batch, std::chrono::milliseconds timeout, Delivered delivered) {
  const auto way = std::make_shared<Way>(Way{http, session, batch, timeout, std::move(delivered)});
  if (batch.progress.overflow && batch.progress.overflow_key.empty()) {
    ask_for_place(way);
  } else {
    post_rows(way);
  }
}

}  // namespace braintrust::pipeline
