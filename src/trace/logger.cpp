#include <braintrust/trace/logger.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <tuple>
#include <vector>

#include <braintrust/core/diagnostics.h>

#include "core/clock.h"
#include "core/quantity_text.h"
#include "pipeline/background_thread.h"
#include "pipeline/http.h"
#include "pipeline/media_gate.h"
#include "trace/ids.h"
#include "trace/logger_core.h"
#include "trace/masking.h"
#include "trace/pending_attachments.h"
#include "trace/settings.h"
#include "trace/slug.h"
#include "trace/span_slot.h"

namespace braintrust {
namespace detail {
namespace {

using pipeline::Destination;
using pipeline::ObjectType;
using std::chrono::milliseconds;

std::atomic<LoggerCore*> current = nullptr;

// Everything of the process that is not one logger's. Never freed: spans may outlive static destruction.
struct Process {
  std::mutex mutex;
  LoggerCore* loggers = nullptr;  // all that were ever made
  std::map<std::tuple<ObjectType, std::string, std::string>, Destination*> destinations;
  std::size_t foreign_destinations = 0;  // of these, those that others named first
  std::vector<std::pair<const LoggerCore*, Destination*>> datasets;
  std::terminate_handler former_terminate = nullptr;
  bool hooked = false;
};
Process& process() {
  static Process* const instance = new Process;
  return *instance;
}

template <class F>
void for_each_logger(F&& f) {
  for (LoggerCore* core = process().loggers; core != nullptr; core = core->next) f(*core);
}

void stop_all() {
  LoggerCore* first = nullptr;
  {
    const std::lock_guard lock(process().mutex);
    first = process().loggers;
  }
  // All at once, so that the end of the process waits for the slowest and not for each.
  for (LoggerCore* core = first; core != nullptr; core = core->next) core->flusher.prepare_stop();
  const auto begin = std::chrono::steady_clock::now();
  for (LoggerCore* core = first; core != nullptr; core = core->next) {
    const bool was_running = !core->flusher.stopped();
    const auto waited = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
    const FlushResult result = core->stop(std::max(core->exit_timeout - waited, milliseconds(0)));
    if (!was_running || (result.pending == 0 && result.attachments_pending == 0)) continue;
    std::string what = result.pending > 0 ? counted(result.pending, "row", "rows") : std::string();
    if (result.attachments_pending > 0) {
      what += (what.empty() ? "" : " and ") + counted(result.attachments_pending, "attachment", "attachments");
    }
    what += result.pending + result.attachments_pending == 1 ? " was" : " were";
    report(Severity::warning, ErrorCode::deadline_exceeded, what + " not delivered before the process ended");
  }
}

// What a dying program did last is what its developer wants to see.
[[noreturn]] void deliver_and_terminate() {
  stop_all();
  const std::terminate_handler former = process().former_terminate;
  if (former != nullptr) former();
  std::abort();
}

void before_fork() {
  process().mutex.lock();
  slots_before_fork();
  masking_before_fork();
  pending_attachments().before_fork();
  diagnostics_before_fork();
  for_each_logger([](LoggerCore& core) { core.flusher.before_fork(); });
}
void after_fork_in_parent() {
  for_each_logger([](LoggerCore& core) { core.flusher.after_fork_in_parent(); });
  diagnostics_after_fork(false);
  pending_attachments().after_fork(false);
  masking_after_fork();
  slots_after_fork(false);
  process().mutex.unlock();
}
void after_fork_in_child() {
  diagnostics_after_fork(true);
  pending_attachments().after_fork(true);
  masking_after_fork();
  slots_after_fork(true);
  for_each_logger([](LoggerCore& core) { core.flusher.after_fork_in_child(); });
  process().mutex.unlock();
}

// Once, with the first logger. Under the process mutex.
void hook_process_events() {
  if (std::exchange(process().hooked, true)) return;
  // libcurl first: what its libraries do at exit then comes after our delivery.
  pipeline::http_start();
  std::atexit(stop_all);
  process().former_terminate = std::set_terminate(deliver_and_terminate);
  pipeline::on_fork(before_fork, after_fork_in_parent, after_fork_in_child);
}

// Null for a new one where there is no room for it. Under the process mutex.
Destination* intern(ObjectType type, std::string_view id, std::string_view project_name, bool has_room) {
  auto& known = process().destinations;
  const std::tuple key(type, std::string(id), std::string(project_name));
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  if (!has_room) return nullptr;
  return known[key] = new Destination(type, std::string(id), std::string(project_name));
}

bool has_open_span(LoggerCore* core) {
  struct Search {
    LoggerCore* core;
    bool found;
  } search{core, false};
  for_each_slot(
      [](SpanSlot& slot, void* context) {
        auto& self = *static_cast<Search*>(context);
        // What was open in the parent process when this one was forked will not end here.
        self.found |= slot.open() && slot.core.load(std::memory_order_relaxed) == self.core &&
                      slot.process.load(std::memory_order_relaxed) == process_epoch();
      },
      &search);
  return search.found;
}

}  // namespace

LoggerCore::LoggerCore(pipeline::Flusher::Options options, milliseconds timeout, Destination* home,
                       RowWriter::SpanOrigin span_origin)
    : exit_timeout(timeout),
      settings(options.settings),
      queue_bytes(options.bounds.max_bytes),
      destination(home),
      writer(*this, std::move(span_origin)),
      flusher(std::move(options), writer) {}

void LoggerCore::push_record(const RecordHeader& header, const char* file, const char* function, std::string_view fields,
                             bool behind) noexcept {
  constexpr std::size_t longest_name = std::numeric_limits<std::uint16_t>::max();
  const auto name_of = [](const char* name) {
    return name != nullptr ? std::string_view(name).substr(0, longest_name) : std::string_view();
  };
  const std::string_view file_name = name_of(file), function_name = name_of(function);
  // Records lie one behind the other; each begins aligned.
  constexpr std::size_t alignment = alignof(RecordHeader);
  const std::size_t size = sizeof header + file_name.size() + function_name.size() + fields.size();
  const std::size_t padded = (size + alignment - 1) / alignment * alignment;
  if (padded > std::numeric_limits<std::uint32_t>::max()) {
    flusher.counters().invalid.fetch_add(1, std::memory_order_relaxed);
    report(Severity::error, ErrorCode::invalid_argument, "a span of more than 4 GiB was dropped");
    return release(header.lineage);
  }
  const auto write = [&](char* out) {
    auto* const written = new (out) RecordHeader(header);
    written->size = static_cast<std::uint32_t>(padded);
    written->file_length = static_cast<std::uint16_t>(file_name.size());
    written->function_length = static_cast<std::uint16_t>(function_name.size());
    out += sizeof header;
    for (const std::string_view part : {file_name, function_name, fields}) {
      if (!part.empty()) std::memcpy(out, part.data(), part.size());
      out += part.size();
    }
    // A length of zero, as a field's kind and text: for_each_field ends there.
    std::memset(out, 0, padded - size);
  };
  const bool queued = behind ? flusher.push_behind(padded, write) : flusher.push(padded, write);
  if (queued) return;
  release(header.lineage);
  if (header.merge && header.end.clock != Moment::none) flusher.lose_end(header.row);
}

void LoggerCore::push_update(RecordHeader header, std::string_view fields) noexcept {
  header.merge = true;
  retain(header.lineage);
  push_record(header, nullptr, nullptr, fields, true);
}

void LoggerCore::drop_handle() noexcept {
  if (handles.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  flusher.stop_when_done(
      [](void* context) {
        auto* const self = static_cast<LoggerCore*>(context);
        return self->handles.load(std::memory_order_relaxed) == 0 && !has_open_span(self);
      },
      this);
}

FlushResult LoggerCore::stop(milliseconds deadline) {
  const FlushResult result = flusher.stop(deadline);
  if (counted_open.exchange(false)) open_loggers.fetch_sub(1);
  return result;
}

LoggerCore* current_core() noexcept { return current.load(std::memory_order_acquire); }

Destination* intern_destination(ObjectType type, std::string_view id, std::string_view project_name) {
  const std::lock_guard lock(process().mutex);
  return intern(type, id, project_name, true);
}

Destination* intern_foreign_destination(ObjectType type, std::string_view id, std::string_view project_name) {
  constexpr std::size_t most = 10'000;
  const std::lock_guard lock(process().mutex);
  Process& all = process();
  const std::size_t before = all.destinations.size();
  Destination* const destination = intern(type, id, project_name, all.foreign_destinations < most);
  all.foreign_destinations += all.destinations.size() - before;
  return destination;
}

Destination* intern_dataset(const LoggerCore& core, std::string project_name, pipeline::DatasetName dataset) {
  const std::lock_guard lock(process().mutex);
  for (const auto& [carrier, known] : process().datasets) {
    if (carrier == &core && known->name == project_name && known->dataset == dataset) return known;
  }
  auto* const made = new Destination(ObjectType::dataset, {}, std::move(project_name), std::move(dataset));
  process().datasets.emplace_back(&core, made);
  return made;
}

void update_row(LoggerCore& core, Destination& destination, std::string_view id, const SpanFields& fields) {
  if (is_blank(id)) {
    return report(Severity::warning, ErrorCode::invalid_argument, "update_span: the row's `id` is blank; pass `span.id()`");
  }
  Buffer text;
  append_text(text, FieldKind::row_id, id);
  append_fields(text, fields);
  RecordHeader header;
  header.has_span = false;
  header.destination = &destination;
  parse_uuid(id, header.row);
  core.push_update(header, text.view());
}

void send_feedback(LoggerCore& core, Destination& destination, const Feedback& feedback) {
  const bool judged = feedback.scores.present() || feedback.expected.present() || feedback.tags.field().present();
  if (is_blank(feedback.id) || (!judged && feedback.comment.empty())) {
    return report(Severity::warning, ErrorCode::invalid_argument,
                  "log_feedback needs `id` and at least one of scores, expected, tags and comment; it was not sent");
  }
  const auto audited = [&](Buffer& text) {
    append_text(text, FieldKind::row_id, feedback.id);
    append_text(text, FieldKind::audit_source, to_string(feedback.source));
    append_field(text, FieldKind::audit_metadata, feedback.metadata);
  };
  RecordHeader header;
  header.has_span = false;
  header.destination = &destination;
  if (judged) {
    Buffer text;
    audited(text);
    append_field(text, FieldKind::scores, feedback.scores);
    append_field(text, FieldKind::expected, feedback.expected);
    append_field(text, FieldKind::tags, feedback.tags.field());
    parse_uuid(feedback.id, header.row);
    core.push_update(header, text.view());
  }
  if (!feedback.comment.empty()) {
    Buffer text;
    audited(text);
    append_text(text, FieldKind::comment, feedback.comment);
    header.kind = RowKind::comment;
    header.row = random_row_id();
    header.created = {steady_now(), Moment::steady};
    core.push_record(header, nullptr, nullptr, text.view(), true);
  }
}

}  // namespace detail

std::string_view to_string(FeedbackSource source) noexcept {
  switch (source) {
    case FeedbackSource::external:
      return "external";
    case FeedbackSource::app:
      return "app";
    case FeedbackSource::api:
      return "api";
  }
  return "external";
}

Logger init_logger(const LoggerOptions& options) {
  using namespace detail;
  read_log_level();
  Environment environment = Environment::snapshot();
  pipeline::Flusher::Options resolved = resolve_options(options, environment);
  pipeline::media_gate.set_wanted(environment.flag("BRAINTRUST_AUTO_CONVERT_AI_ATTACHMENTS", true));
  // Made for this logger alone: another one's key may see another project of the same name.
  auto* const home =
      new pipeline::Destination(pipeline::ObjectType::project_logs, resolved.settings.project_id, resolved.settings.project);
  const std::string directory = resolved.settings.working_directory;
  auto span_origin = [named = options.environment, environment = std::move(environment),
                      directory](std::string_view instrumentation) {
    const RuntimeEnvironment runtime = detect_environment(named, environment, directory);
    return span_origin_json(instrumentation, runtime.type, runtime.name);
  };
  auto* const core = new LoggerCore(std::move(resolved), options.exit_timeout, home, std::move(span_origin));
  core->add_handle();
  open_loggers.fetch_add(1);
  {
    const std::lock_guard lock(process().mutex);
    hook_process_events();
    core->next = process().loggers;
    process().loggers = core;
  }
  if (options.set_current) {
    core->add_handle();
    if (LoggerCore* const former = current.exchange(core, std::memory_order_acq_rel)) former->drop_handle();
  }
  return Logger(core);
}

Logger current_logger() noexcept {
  detail::LoggerCore* const core = detail::current_core();
  if (core == nullptr) return {};
  core->add_handle();
  return Logger(core);
}

Logger::Logger(const Logger& other) noexcept : core_(other.core_) {
  if (core_ != nullptr) core_->add_handle();
}

void Logger::release() noexcept { core_->drop_handle(); }

std::string Logger::log(const SpanFields& fields, Site site) const {
  if (core_ == nullptr) return {};
  Span span = detail::start_row(*core_, site);
  span.log(fields);
  return span.id();
}

void Logger::update_span(std::string_view id, const SpanFields& fields) const {
  if (core_ != nullptr) detail::update_row(*core_, *core_->destination, id, fields);
}

void Logger::log_feedback(const Feedback& feedback) const {
  if (core_ != nullptr) detail::send_feedback(*core_, *core_->destination, feedback);
}

FlushResult Logger::flush(std::chrono::milliseconds deadline) const {
  return core_ != nullptr ? core_->flusher.flush(deadline) : FlushResult{};
}

FlushResult Logger::shutdown(std::chrono::milliseconds deadline) const {
  return core_ != nullptr ? core_->stop(deadline) : FlushResult{};
}

Stats Logger::stats() const { return core_ != nullptr ? core_->flusher.stats() : Stats{}; }

bool update_span(std::string_view exported_slug, const SpanFields& fields) {
  detail::LoggerCore* const core = detail::current_core();
  if (core == nullptr) return false;
  detail::SlugParts parts;
  if (!detail::decode_slug(exported_slug, parts) || parts.row_id.empty()) {
    detail::report(Severity::warning, ErrorCode::invalid_argument,
                   "update_span: the slug names no row; pass what export_slug() gave, unchanged");
    return false;
  }
  detail::RecordHeader header;
  header.destination = detail::destination_of(parts, *core);
  detail::Buffer text;
  detail::append_text(text, detail::FieldKind::row_id, parts.row_id);
  detail::append_fields(text, fields);
  detail::parse_uuid(parts.row_id, header.row);
  if (!detail::parse_hex(parts.span_id, header.span) || !detail::parse_hex(parts.root_span_id, header.trace)) {
    header.has_span = false;  // the row's own ids stay; a merge does not change them
  }
  core->push_update(header, text.view());
  return true;
}

}  // namespace braintrust
