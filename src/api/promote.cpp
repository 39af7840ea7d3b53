#include <algorithm>
#include <set>

#include <fmt/format.h>

#include <braintrust/api/dataset.h>

#include "api/btql_query.h"
#include "api/dataset_core.h"
#include "api/objects.h"
#include "core/environment.h"
#include "core/json_member.h"
#include "trace/exception_text.h"

namespace braintrust {
namespace {

using detail::LogSource;
using detail::member;
using detail::text_at;
using nlohmann::json;

constexpr std::size_t ids_of_a_question = 500;
constexpr std::size_t rows_of_a_page = 1000;

// What the span was asked, and what it should have answered: a person's correction before the answer itself.
DatasetRecord plain_record(const json& span) {
  const auto field = [&](const char* key) {
    const json& value = member(span, key);
    return value.is_null() ? RecordField() : RecordField(value);
  };
  DatasetRecord record{.input = field("input"), .expected = field("expected"), .metadata = field("metadata")};
  if (!record.expected.present()) record.expected = field("output");
  if (const json& tags = member(span, "tags"); tags.is_array()) record.tags = RecordTags(tags.get<std::vector<std::string>>());
  return record;
}

Result<DatasetRecord> record_of(const json& span, const LogSource& source, const PromoteOptions& options) {
  DatasetRecord record;
  try {
    record = options.map ? options.map(span) : plain_record(span);
  } catch (...) {
    return Error{ErrorCode::callback_failed,
                 fmt::format("promote: making a record of span row {} failed, and nothing was written: {}", text_at(span, "id"),
                             detail::exception_text(std::current_exception()))};
  }
  if (options.expected.present()) record.expected = options.expected;
  if (options.tags.field().present()) record.tags = options.tags;
  record.id = text_at(span, "id");
  json origin = {{"object_type", source.object_type}, {"object_id", source.object_id}, {"id", record.id}};
  for (const char* const key : {"_xact_id", "created"}) {
    if (const json& value = member(span, key); value.is_string()) origin[key] = value;
  }
  record.origin = origin;
  return record;
}

// All rows of a query, page after page: a server may give fewer at a time than it is asked for.
Result<json> rows_of(const std::shared_ptr<detail::Client>& client, json query) {
  detail::BtqlPager pager(client, std::move(query), {}, rows_of_a_page, "promote");
  json rows = json::array();
  while (!pager.done()) {
    auto page = pager.next();
    if (!page) return page.error();
    for (json& row : *page) rows.push_back(std::move(row));
  }
  return rows;
}

// A syntax tree, because the pages of a query in text cannot be asked for; the condition stays the text that it is.
Result<json> spans_where(const std::shared_ptr<detail::Client>& client, const LogSource& source,
                         const PromoteOptions& options) {
  json query = detail::btql_star(detail::btql_from(source.object_type, source.object_id));
  query["filter"] = {{"btql", options.where}};
  query["sort"] =
      json::array({json::object({{"expr", {{"op", "ident"}, {"name", json::array({"created"})}}}, {"dir", "desc"}})});
  query["limit"] = options.limit;
  return rows_of(client, std::move(query));
}

// Which of these records the dataset has.
Result<std::set<std::string>> present_in(const std::shared_ptr<detail::Client>& client, const std::string& dataset,
                                         const std::vector<std::string>& ids) {
  std::set<std::string> present;
  for (std::size_t begin = 0; begin < ids.size(); begin += ids_of_a_question) {
    const std::vector<std::string> some(
        ids.begin() + static_cast<std::ptrdiff_t>(begin),
        ids.begin() + static_cast<std::ptrdiff_t>(std::min(begin + ids_of_a_question, ids.size())));
    json query = detail::btql_star(detail::btql_from("dataset", dataset));
    query["filter"] = {{"op", "in"},
                       {"left", {{"op", "ident"}, {"name", json::array({"id"})}}},
                       {"right", {{"op", "literal"}, {"value", some}}}};
    const auto rows = rows_of(client, std::move(query));
    if (!rows) return rows.error();
    for (const json& row : *rows) present.insert(text_at(row, "id"));
  }
  return present;
}

}  // namespace

Result<Promoted> Dataset::promote(const PromoteOptions& options) const {
  const bool one = !detail::is_blank(options.span_id);
  if (one == !detail::is_blank(options.where)) {
    return Error{ErrorCode::invalid_argument, "promote: give `span_id` or `where`, one of them"};
  }
  const auto dataset_id = id();
  if (!dataset_id) return dataset_id.error();
  current_logger().flush();
  core_->logger.flush();
  // Else a record would look absent that is only on its way.
  if (const auto delivered = core_->deliver_own_writes(); !delivered) return delivered.error();

  SpanSource where{.project = options.project, .project_id = options.project_id, .experiment_id = options.experiment_id};
  if (detail::is_blank(where.project) && detail::is_blank(where.project_id) && detail::is_blank(where.experiment_id)) {
    auto own = project_id();
    if (!own) return own.error();
    where.project_id = *std::move(own);
  }
  const auto source = detail::logs_of(*core_->client, where);
  if (!source) return source.error();

  json spans = json::array();
  if (one) {
    auto span = detail::find_span(*core_->client, *source, options.span_id);
    if (!span) return span.error();
    spans.push_back(*std::move(span));
  } else {
    auto found = spans_where(core_->client, *source, options);
    if (!found) return found.error();
    spans = *std::move(found);
  }

  std::vector<DatasetRecord> records;
  std::vector<std::string> ids;
  for (const json& span : spans) {
    auto record = record_of(span, *source, options);
    if (!record) return record.error();
    ids.push_back(record->id);
    records.push_back(*std::move(record));
  }
  std::set<std::string> present;
  if (!options.replace) {
    auto found = present_in(core_->client, *dataset_id, ids);
    if (!found) return found.error();
    present = *std::move(found);
  }
  Promoted promoted;
  for (const DatasetRecord& record : records) {
    if (present.contains(record.id)) {
      promoted.unchanged.push_back(record.id);
    } else {
      promoted.ids.push_back(insert(record));
    }
  }
  static_cast<void>(core_->deliver_own_writes());  // later is no error: they are on their way like all rows
  return promoted;
}

}  // namespace braintrust
