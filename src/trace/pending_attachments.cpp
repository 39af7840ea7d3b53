#include "trace/pending_attachments.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "trace/ids.h"

namespace braintrust::detail {
namespace {

std::size_t cost_of(const pipeline::Upload& upload) { return upload.held_bytes + PendingAttachments::bytes_of_entry; }

// Searched for from its rarest letter on: JSON is full of quotes and b's.
bool holds_reference(std::string_view row) {
  constexpr std::string_view before = "\"braintrust", from = "_attachment\"";
  for (std::size_t at = 0; (at = row.find(from, at)) != std::string_view::npos; at += from.size()) {
    if (row.substr(0, at).ends_with(before)) return true;
  }
  return false;
}

// Every string of `text` that is a UUID.
std::vector<RowId> uuids_in(std::string_view text) {
  std::vector<RowId> found;
  const char* at = text.data();
  const char* const end = at + text.size();
  constexpr std::ptrdiff_t quoted = row_id_size + 2;
  while ((at = static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)))) != nullptr) {
    RowId id;
    if (end - at < quoted) break;
    if (at[quoted - 1] == '"' && parse_uuid({at + 1, row_id_size}, id)) found.push_back(id);
    ++at;
  }
  return found;
}

}  // namespace

PendingAttachments& pending_attachments() {
  static PendingAttachments* const instance = new PendingAttachments;
  return *instance;
}

Json reference_to(const pipeline::Upload& upload) {
  return {{"type", "braintrust_attachment"},
          {"content_type", upload.content_type},
          {"filename", upload.filename},
          {"key", to_string(upload.key)}};
}

bool PendingAttachments::add(std::vector<pipeline::Upload> uploads, From from) {
  std::size_t bytes = 0;
  for (const pipeline::Upload& upload : uploads) bytes += cost_of(upload);
  const std::lock_guard lock(mutex_);
  if (!make_room(bytes)) return false;
  for (pipeline::Upload& upload : uploads) insert(std::move(upload), nullptr, from);
  return true;
}

bool PendingAttachments::add(pipeline::Upload upload, std::shared_ptr<std::atomic<bool>> handed_over) {
  const std::lock_guard lock(mutex_);
  if (handed_over->load(std::memory_order_relaxed)) return true;
  if (const auto known = entries_.find(upload.key); known != entries_.end()) {
    known->second.added = Clock::now();
    order_.splice(order_.end(), order_, known->second.place);
    return true;
  }
  if (!make_room(cost_of(upload))) return false;
  insert(std::move(upload), std::move(handed_over), From::value);
  return true;
}

bool PendingAttachments::make_room(std::size_t bytes) {
  if (bytes > most_bytes_) return false;
  const auto before = Clock::now() - kept_at_least_;
  while (held_bytes() > most_bytes_ - bytes) {
    if (order_.empty()) return false;
    const auto oldest = entries_.find(order_.front());
    if (oldest->second.added > before) return false;
    erase(oldest);
  }
  return true;
}

void PendingAttachments::insert(pipeline::Upload upload, std::shared_ptr<std::atomic<bool>> handed_over, From from) {
  upload.charge = charge_for(upload);
  const RowId key = upload.key;
  order_.push_back(key);
  const bool of_row = from == From::row;
  entries_.insert_or_assign(key, Entry{.upload = std::move(upload),
                                       .handed_over = std::move(handed_over),
                                       .added = Clock::now(),
                                       .writer = of_row ? std::this_thread::get_id() : std::thread::id(),
                                       .place = std::prev(order_.end())});
  count_.store(entries_.size(), std::memory_order_relaxed);
  if (of_row) of_rows_.fetch_add(1, std::memory_order_relaxed);
}

std::shared_ptr<const void> PendingAttachments::charge_for(const pipeline::Upload& upload) {
  const std::size_t bytes = cost_of(upload);
  held_->fetch_add(bytes, std::memory_order_relaxed);
  return {held_.get(), [held = held_, bytes](const void*) { held->fetch_sub(bytes, std::memory_order_relaxed); }};
}

void PendingAttachments::erase(Entries::iterator entry) {
  order_.erase(entry->second.place);
  if (entry->second.writer != std::thread::id()) of_rows_.fetch_sub(1, std::memory_order_relaxed);
  entries_.erase(entry);
  count_.store(entries_.size(), std::memory_order_relaxed);
}

std::vector<pipeline::Upload> PendingAttachments::take(std::string_view row) {
  std::vector<pipeline::Upload> taken;
  if (!any() || !holds_reference(row)) return taken;
  const std::vector<RowId> keys = uuids_in(row);
  const std::lock_guard lock(mutex_);
  for (const RowId key : keys) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) continue;
    if (found->second.handed_over != nullptr) found->second.handed_over->store(true, std::memory_order_relaxed);
    taken.push_back(std::move(found->second.upload));
    erase(found);
  }
  return taken;
}

void PendingAttachments::end_row() {
  if (of_rows_.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(mutex_);
  for (auto place = order_.begin(); place != order_.end();) {
    const auto entry = entries_.find(*place++);
    if (entry->second.writer == std::this_thread::get_id()) erase(entry);
  }
}

void PendingAttachments::after_fork(bool in_child) {
  if (in_child) {
    held_ = std::make_shared<std::atomic<std::size_t>>(0);
    for (auto& [key, entry] : entries_) entry.upload.charge = charge_for(entry.upload);
  }
  mutex_.unlock();
}

}  // namespace braintrust::detail
