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
#include "trace/ids.h"
#include "trace/logger_core.h"
#include "trace/record.h"

namespace braintrust {
namespace {

using detail::member;
using detail::text_at;
using nlohmann::json;

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

Result<void> Dataset::Core::deliver_own_writes() {
  return delivered_.load() < written.load() ? deliver_all_writes() : Result<void>();
}

Result<void> Dataset::Core::deliver_all_writes() {
  const std::uint64_t writes = written.load();
  std::uint64_t delivered = delivered_.load();
  if (logger.flush(patience).pending > 0) {
    return Error{ErrorCode::deadline_exceeded,
                 fmt::format("what you wrote has not arrived, so dataset \"{}\" is not yet as you wrote it", options.name)};
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
  if (!core_) return detail::no_dataset();
  if (const std::string* const known = core_->destination->id()) return *known;
  const auto registration = core_->registered();
  if (!registration) return registration.error();
  return text_at(member(*registration, "dataset"), "id");
}

Result<std::string> Dataset::project_id() const {
  if (!core_) return detail::no_dataset();
  const auto registration = core_->registered();
  if (!registration) return registration.error();
  std::string id = text_at(member(*registration, "project"), "id");
  if (id.empty()) return Error{ErrorCode::bad_response, "the dataset's registration names no project"};
  return id;
}

Result<DatasetSummary> Dataset::summarize() const {
  if (!core_) return detail::no_dataset();
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
  } else if (*version != detail::before_all_rows) {
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

}  // namespace braintrust
