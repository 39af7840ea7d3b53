#include "otel/attachments.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <utility>

#include <braintrust/core/diagnostics.h>

#include "core/json_scan.h"
#include "instrument/attachment_sink.h"
#include "pipeline/background_thread.h"
#include "pipeline/counters.h"
#include "pipeline/http.h"
#include "pipeline/media_gate.h"
#include "pipeline/session.h"
#include "trace/pending_attachments.h"

namespace braintrust::otel::detail {

void convert_media(SpanRecord& span, const std::vector<llm::MediaFormat>& formats, llm::MediaSink& sink) {
  for (auto& [key, value] : span.attributes) {
    if (key != "braintrust.input_json" && key != "braintrust.output_json") continue;
    auto* const payload = opentelemetry::nostd::get_if<std::string>(&value);
    if (payload != nullptr && braintrust::detail::valid_json(*payload))
      *payload = llm::with_references(*payload, formats, &sink);
  }
}

// Shared with the thread, which may be left behind.
struct AttachmentUploader::State {
  explicit State(pipeline::Settings given) : settings(std::move(given)) {}

  static void run(const std::shared_ptr<State>& state);
  void work();

  const pipeline::Settings settings;
  std::atomic<std::size_t> held_bytes = 0;
  std::mutex mutex;
  std::condition_variable changed;
  // All guarded by the mutex.
  std::vector<pipeline::Upload> incoming = {};
  pipeline::HttpClient* http = nullptr;  // while the thread works
  bool is_running = false;
  bool is_busy = false;
  bool is_closed = false;  // shut down, or nothing will ever be let in
};

AttachmentUploader::AttachmentUploader(pipeline::Settings settings, std::size_t most_bytes)
    : most_bytes_(most_bytes), state_(std::make_shared<State>(std::move(settings))) {}

AttachmentUploader::~AttachmentUploader() { shutdown(); }

std::vector<std::string> AttachmentUploader::take(std::vector<llm::Media> media) {
  if (!pipeline::media_gate.open()) return {};
  std::vector<pipeline::Upload> uploads;
  std::vector<std::string> references;
  std::size_t bytes = 0;
  for (llm::Media& one : media) {
    uploads.push_back(instrument::upload_of(std::move(one)));
    references.emplace_back(braintrust::detail::reference_to(uploads.back()).text());
    bytes += uploads.back().held_bytes;
  }
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  if (state.is_closed || state.held_bytes + bytes > most_bytes_) return {};
  for (pipeline::Upload& upload : uploads) {
    state.held_bytes += upload.held_bytes;
    upload.charge = std::shared_ptr<const void>(
        nullptr, [state = state_, held = upload.held_bytes](const void*) { state->held_bytes -= held; });
    state.incoming.push_back(std::move(upload));
  }
  if (!state.is_running) {
    pipeline::start_background_thread("bt-otel-upload", [state = state_] { State::run(state); }).detach();
    state.is_running = true;
  }
  if (state.http != nullptr) state.http->wakeup();
  state.changed.notify_all();
  return references;
}

void AttachmentUploader::State::run(const std::shared_ptr<State>& state) {
  try {
    state->work();
  } catch (const std::exception& error) {
    braintrust::detail::report(Severity::error, ErrorCode::io, std::string("attachments are not uploaded: ") + error.what());
  }
  const std::lock_guard lock(state->mutex);
  state->http = nullptr;
  state->is_closed = true;
  state->is_busy = false;
  state->incoming.clear();
  state->changed.notify_all();
}

void AttachmentUploader::State::work() {
  pipeline::Counters counters;
  pipeline::HttpClient client;
  pipeline::Session session(settings, client);
  pipeline::Uploads uploads(settings, client, session, counters);
  std::unique_lock lock(mutex);
  http = &client;
  while (!is_closed && !session.hopeless()) {
    for (pipeline::Upload& upload : std::exchange(incoming, {})) uploads.take(std::move(upload));
    is_busy = !uploads.idle();
    if (!is_busy) {
      changed.notify_all();
      changed.wait(lock, [&] { return is_closed || !incoming.empty(); });
      continue;
    }
    lock.unlock();
    const auto now = Clock::now();
    session.step(now);
    if (session.ready()) uploads.step(now, Clock::time_point::max());
    const auto due = std::min(session.next_due(), session.ready() ? uploads.next_due() : Clock::time_point::max());
    const auto wait = std::clamp<Clock::duration>(due - Clock::now(), std::chrono::seconds(0), std::chrono::seconds(1));
    client.poll(std::chrono::ceil<std::chrono::milliseconds>(wait));
    lock.lock();
  }
  http = nullptr;
  lock.unlock();
  client.cancel_all();
  uploads.give_up();
}

bool AttachmentUploader::flush(Clock::time_point deadline) {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  return state.changed.wait_until(lock, deadline, [&] { return !state.is_busy && state.incoming.empty(); });
}

void AttachmentUploader::shutdown() noexcept {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  state.is_closed = true;
  if (state.http != nullptr) state.http->wakeup();
  state.changed.notify_all();
}

}  // namespace braintrust::otel::detail
