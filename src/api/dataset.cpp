#include <braintrust/api/dataset.h>

#include <fmt/format.h>

#include <braintrust/core/diagnostics.h>

#include "api/btql_query.h"
#include "api/carrier.h"
#include "api/dataset_core.h"
#include "api/objects.h"
#include "core/clock.h"
#include "core/environment.h"
#include "core/json_member.h"
#include "pipeline/blocking_http.h"
#include "trace/ids.h"
#include "trace/logger_core.h"
#include "trace/record.h"

namespace braintrust {
namespace {

using detail::Host;
using detail::member;
using detail::text_at;
using nlohmann::json;

constexpr std::string_view before_all_rows = "0";  // a version

Error no_dataset() { return {ErrorCode::invalid_argument, "this dataset is none: make one with init_dataset"}; }

DatasetRow row_of(json&& row) {
  DatasetRow result{.id = text_at(row, "id"), .version = text_at(row, "_xact_id"), .created = text_at(row, "created")};
  const auto take = [&](const char* key) {
    const auto found = row.find(key);
    return found != row.end() ? std::move(*found) : json();
  };
  result.input = take("input");
  result.expected = take("expected");
  if (result.expected.is_null()) result.expected = take("output");  // as records of long ago have it
  result.metadata = take("metadata");
  result.origin = take("origin");
  for (const json& tag : member(row, "tags")) {
    if (tag.is_string()) result.tags.push_back(tag.get<std::string>());
  }
  return result;
}

}  // namespace

Dataset::Core::Core(DatasetOptions given)
    : options(std::move(given)),
      logger(detail::carrier_of(options.connection)),
      core(detail::LoggerCore::of(logger)),
      client(detail::client_of(*core)),
      destination(detail::intern_dataset(
          *core, std::string(detail::trimmed(options.project)),
          {.project_id = std::string(detail::trimmed(options.project_id)),
           .name = std::string(detail::trimmed(options.name)),
           .description = options.description,
           .metadata = options.metadata.is_null() ? std::string() : detail::to_text(options.metadata)})) {}

Dataset::Core::Core(DatasetOptions given, const Core& same)
    : options(std::move(given)), logger(same.logger), core(same.core), client(same.client), destination(same.destination) {}

Result<json> Dataset::Core::registered() {
  Known& known = known_.get();
  const std::lock_guard lock(known.mutex);
  if (known.registered) return *known.registered;
  auto answer = detail::register_object(*client, *destination);
  if (answer) known.registered = *answer;
  return answer;
}

Result<std::string> Dataset::Core::pinned_version() {
  if (!options.version.empty()) return options.version;
  if (options.snapshot_name.empty() && options.environment.empty()) return std::string();
  const auto registration = registered();
  if (!registration) return registration.error();
  const std::string id = text_at(member(*registration, "dataset"), "id");
  Known& known = known_.get();
  const std::lock_guard lock(known.mutex);
  if (known.pinned) return *known.pinned;
  std::string version;
  if (!options.snapshot_name.empty()) {
    const auto found = client->call({.host = Host::app,
                                     .method = "POST",
                                     .path = "api/dataset_snapshot/get",
                                     .body = {{"dataset_id", id}, {"name", options.snapshot_name}}});
    if (!found) return found.error();
    if (found->is_array() && !found->empty()) version = text_at(found->front(), "xact_id");
    if (version.empty()) {
      return Error{ErrorCode::not_found,
                   fmt::format("dataset \"{}\" has no snapshot \"{}\"", options.name, options.snapshot_name)};
    }
  } else {
    const auto access = client->access();
    if (!access) return access.error();
    const auto found = client->call({.path = fmt::format("environment-object/dataset/{}/{}", pipeline::escape_url(id),
                                                         pipeline::escape_url(options.environment)),
                                     .query = {{"org_name", (*access)->login.org_name}}});
    if (!found) {
      return Error{found.error().code, fmt::format("dataset \"{}\" has no version in environment \"{}\": {}", options.name,
                                                   options.environment, found.error().message)};
    }
    version = text_at(*found, "object_version");
    if (version.empty()) return Error{ErrorCode::bad_response, "the environment's answer names no version"};
  }
  known.pinned = version;
  return version;
}

namespace {

bool is_version(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Result<std::string> Dataset::Core::version_to_read() {
  if (const auto delivered = deliver_own_writes(); !delivered) return delivered.error();
  auto pinned = pinned_version();
  if (!pinned || !pinned->empty()) return pinned;
  // The server's transaction of now, not the newest among the rows: what was removed after that would be back. The protocol's
  // description does not have it; the official JavaScript SDK's createSnapshot asks for it. The answer is a text.
  const detail::ApiCall call{.path = "xact-id"};
  const auto response = client->exchange(call);
  if (!response) return response.error();
  if (response->status == 404) return newest_row_version();
  if (!response->ok()) return detail::error_of(call, *response);
  std::string version(detail::trimmed(response->body));
  std::erase(version, '"');
  if (!is_version(version)) return Error{ErrorCode::bad_response, "GET /xact-id answered with what is no transaction"};
  return version;
}

// Of a server that does not tell its transaction. Records that were removed after the newest row was written are back at this
// version, since a removal leaves no row.
Result<std::string> Dataset::Core::newest_row_version() {
  const auto registration = registered();
  if (!registration) return registration.error();
  const auto query =
      btql_text("SELECT max(_xact_id) AS version FROM dataset({})", text_at(member(*registration, "dataset"), "id"));
  if (!query) return query.error();
  const auto answer = detail::ask(*client, *query, {}, "dataset_version");
  if (!answer) return answer.error();
  const json none;
  const json& found = answer->rows.empty() ? none : member(answer->rows.front(), "version");
  if (found.is_null()) return std::string(before_all_rows);
  std::string version = found.is_string() ? found.get<std::string>() : detail::to_text(found);
  if (!is_version(version)) return Error{ErrorCode::bad_response, "the newest row of the dataset has no version"};
  return version;
}

Result<void> Dataset::Core::deliver_own_writes() {
  const std::uint64_t writes = written.load();
  std::uint64_t delivered = delivered_.load();
  if (delivered >= writes) return {};
  if (logger.flush(patience).pending > 0) {
    return Error{ErrorCode::deadline_exceeded,
                 fmt::format("what you wrote has not arrived, so dataset \"{}\" cannot be read as you wrote it", options.name)};
  }
  // Another thread may have seen more of them arrive.
  while (delivered < writes && !delivered_.compare_exchange_weak(delivered, writes)) {
  }
  return {};
}

Dataset init_dataset(DatasetOptions options) { return Dataset(std::make_shared<Dataset::Core>(std::move(options))); }

namespace {

enum class Change { insert, update, remove };

// Queues a row behind all that this process wrote before: an update must not overtake the record it belongs to.
std::string push(Dataset::Core& core, Change change, std::string_view id, const DatasetRecord* record) {
  using namespace detail;
  RecordHeader header;
  header.kind = change == Change::remove ? RowKind::deletion : RowKind::record;
  header.merge = change == Change::update;
  header.has_span = false;
  header.destination = core.destination;
  header.created = {steady_now(), Moment::steady};
  Buffer fields;
  std::string row_id(id);
  if (row_id.empty()) {
    header.row = random_row_id();
    row_id = to_string(header.row);
  } else {
    append_text(fields, FieldKind::row_id, row_id);
    parse_uuid(row_id, header.row);
  }
  if (record != nullptr) {
    append_field(fields, FieldKind::input, record->input);
    append_field(fields, FieldKind::expected, record->expected);
    append_field(fields, FieldKind::metadata, record->metadata);
    append_field(fields, FieldKind::tags, record->tags.field());
    append_field(fields, FieldKind::origin, record->origin);
  }
  core.core->push_record(header, nullptr, nullptr, fields.view(), true);
  core.written.fetch_add(1);
  return row_id;
}

bool has_id(std::string_view id, std::string_view what) {
  if (!detail::is_blank(id)) return true;
  detail::report(Severity::warning, ErrorCode::invalid_argument,
                 fmt::format("Dataset::{}: `id` is blank; pass what insert() returned", what));
  return false;
}

}  // namespace

std::string Dataset::insert(const DatasetRecord& record) const {
  if (!core_) return {};
  return push(*core_, Change::insert, detail::trimmed(record.id), &record);
}

void Dataset::update(std::string_view id, const DatasetRecord& fields) const {
  if (core_ && has_id(id, "update")) push(*core_, Change::update, id, &fields);
}

void Dataset::remove(std::string_view id) const {
  if (core_ && has_id(id, "remove")) push(*core_, Change::remove, id, nullptr);
}

FlushResult Dataset::flush(std::chrono::milliseconds deadline) const {
  return core_ ? core_->logger.flush(deadline) : FlushResult{};
}

Result<std::string> Dataset::id() const {
  if (!core_) return no_dataset();
  if (const std::string* const known = core_->destination->id()) return *known;
  const auto registration = core_->registered();
  if (!registration) return registration.error();
  return text_at(member(*registration, "dataset"), "id");
}

Result<std::string> Dataset::project_id() const {
  if (!core_) return no_dataset();
  const auto registration = core_->registered();
  if (!registration) return registration.error();
  std::string id = text_at(member(*registration, "project"), "id");
  if (id.empty()) return Error{ErrorCode::bad_response, "the dataset's registration names no project"};
  return id;
}

Result<std::string> Dataset::version() const {
  if (!core_) return no_dataset();
  return core_->version_to_read();
}

Result<DatasetSummary> Dataset::summarize() const {
  if (!core_) return no_dataset();
  if (const auto delivered = core_->deliver_own_writes(); !delivered) return delivered.error();
  const auto registration = core_->registered();
  if (!registration) return registration.error();
  const auto access = core_->client->access();
  if (!access) return access.error();
  const auto answer = core_->client->call(
      {.path = "dataset-summary", .query = {{"dataset_id", text_at(member(*registration, "dataset"), "id")}}});
  if (!answer) return answer.error();
  const json& total = member(*answer, "total_records");
  DatasetSummary summary{.project_name = text_at(member(*registration, "project"), "name"),
                         .dataset_name = text_at(member(*registration, "dataset"), "name"),
                         .total_records = total.is_number_unsigned() ? total.get<std::uint64_t>() : 0};
  summary.url = detail::object_url(**access, summary.project_name, "datasets", summary.dataset_name);
  return summary;
}

Dataset Dataset::at_version(std::string version) const {
  if (!core_) return {};
  DatasetOptions options = core_->options;
  options.version = std::move(version);
  return Dataset(std::make_shared<Core>(std::move(options), *core_));
}

struct Dataset::Iterator::State {
  std::optional<detail::BtqlRowReader> reader = {};
  std::optional<Result<DatasetRow>> row = {};

  void advance() {
    row.reset();
    if (!reader) return;
    auto next = reader->next();
    if (!next) return;
    row.emplace(*next ? Result<DatasetRow>(row_of(std::move(**next))) : Result<DatasetRow>(next->error()));
  }
};

Dataset::Iterator Dataset::begin() const {
  auto state = std::make_shared<Iterator::State>();
  const auto version = this->version();
  if (!version) {
    state->row.emplace(version.error());
  } else if (*version != before_all_rows) {
    const auto id = this->id();
    if (!id) {
      state->row.emplace(id.error());
    } else {
      state->reader.emplace(detail::BtqlPager(core_->client, detail::btql_star(detail::btql_from("dataset", *id)), *version,
                                              core_->options.page_rows, "object_fetcher_dataset"));
      state->advance();
    }
  }
  return Iterator(std::move(state));
}

Dataset::Iterator::reference Dataset::Iterator::operator*() const { return *state_->row; }

Dataset::Iterator& Dataset::Iterator::operator++() {
  state_->advance();
  return *this;
}

bool Dataset::Iterator::at_end() const { return !state_ || !state_->row; }

Result<void> Dataset::create_snapshot(const std::string& name, const std::string& version,
                                      const std::string& description) const {
  const auto id = this->id();
  if (!id) return id.error();
  const auto meant = version.empty() ? this->version() : Result<std::string>(version);
  if (!meant) return meant.error();
  json body = {{"dataset_id", *id}, {"dataset_snapshot_name", name}, {"xact_id", *meant}, {"update", true}};
  if (!description.empty()) body["description"] = description;
  const auto answer = core_->client->call(
      {.host = Host::app, .method = "POST", .path = "api/dataset_snapshot/register", .body = std::move(body)});
  return answer ? Result<void>() : Result<void>(answer.error());
}

Result<void> Dataset::set_environment(const std::string& environment, const std::string& version) const {
  const auto id = this->id();
  if (!id) return id.error();
  const auto meant = version.empty() ? this->version() : Result<std::string>(version);
  if (!meant) return meant.error();
  const auto access = core_->client->access();
  if (!access) return access.error();
  const auto answer = core_->client->call(
      {.method = "PUT",
       .path = fmt::format("environment-object/dataset/{}/{}", pipeline::escape_url(*id), pipeline::escape_url(environment)),
       .body = {{"object_version", *meant}, {"org_name", (*access)->login.org_name}}});
  return answer ? Result<void>() : Result<void>(answer.error());
}

}  // namespace braintrust
