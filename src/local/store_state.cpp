#include "local/store_state.h"

#include <chrono>
#include <string_view>

#include "local/row_merge.h"

namespace braintrust::local {

std::int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void Store::State::write(const std::vector<Row>& rows, const std::string* upload) {
  Transaction transaction(database_);
  if (!upload || claim(*upload)) {
    const auto xact = next_xact();
    for (const auto& row : rows) write(row, xact);
  }
  transaction.commit();
  for (const auto& row : rows) remember(row);
}

void Store::State::remember(const Row& row) {
  constexpr std::string_view of_experiment = "experiment:";
  ++written.rows;
  const bool in_experiment = row.container.starts_with(of_experiment);
  if (in_experiment) written.experiments.add(row.container.substr(of_experiment.size()));
  if (!row.root_span_id || row.is_delete || row.container.starts_with("dataset:")) return;
  written.traces.add(*row.root_span_id);
  if (!in_experiment) written.logs.add(*row.root_span_id);
  changed.add(*row.root_span_id);
}

std::int64_t Store::State::next_xact() {
  // The service's own shape: a fixed prefix, the time, a counter; here only its order matters.
  const auto now = (std::int64_t{0x0DE1} << 48) | (unix_seconds() << 16);
  Use use(xact_);
  use->bind(1, now).step();
  return use->number(0);
}

std::int64_t Store::State::last_xact() {
  Use use(last_xact_);
  return use->step() ? use->number(0) : 0;
}

std::int64_t Store::State::container_key(const std::string& name) {
  if (const auto known = containers_.find(name); known != containers_.end()) return known->second;
  add_container_.bind(1, name).run();
  Use use(find_container_);
  use->bind(1, name).step();
  return containers_[name] = use->number(0);
}

std::optional<std::int64_t> Store::State::find_container(const std::string& name) {
  if (const auto known = containers_.find(name); known != containers_.end()) return known->second;
  Use use(find_container_);
  if (!use->bind(1, name).step()) return std::nullopt;
  return containers_[name] = use->number(0);
}

void Store::State::write(const Row& row, std::int64_t xact) {
  const auto container = container_key(row.container);
  const bool dataset = row.container.starts_with("dataset:");
  if (dataset) keep_history_.bind(1, row.id).bind(2, container).bind(3, xact).run();
  if (row.is_delete) {
    delete_.bind(1, row.id).bind(2, container).run();
    return;
  }
  std::string rewritten;
  std::optional<Row> merged;
  if (row.is_merge) {
    Use use(body_);
    if (use->bind(1, row.id).bind(2, container).step()) {
      rewritten = merge_rows(use->text(0), row.text);
      merged = parse_row(rewritten);
    }
  }
  if (!merged && row.has_control_fields) rewritten = without_control_fields(row.text);
  const Row& result = merged ? *merged : row;
  Use use(upsert_);
  use->bind(1, container).bind(2, row.id).bind(3, xact);
  if (result.root_span_id && !dataset) use->bind(4, *result.root_span_id);
  if (result.start) use->bind(5, *result.start);
  if (result.exec_counter) use->bind(6, *result.exec_counter);
  if (result.comment_on) use->bind(7, *result.comment_on);
  use->bind(8, rewritten.empty() ? row.text : std::string_view(rewritten)).step();
}

bool Store::State::claim(const std::string& upload) {
  claim_upload_.bind(1, upload).run();
  return database_.changes() > 0;
}

}  // namespace braintrust::local
