#include "pipeline/braintrust_outlet.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <braintrust/core/diagnostics.h>

#include "pipeline/assembler.h"
#include "pipeline/delivery.h"
#include "pipeline/payload_dump.h"
#include "pipeline/retry.h"
#include "pipeline/server_trouble.h"
#include "pipeline/session.h"

namespace braintrust::pipeline {
namespace {

using Clock = Batch::Clock;
using BatchPointer = std::unique_ptr<Batch>;
using Route = Assembler::Route;

constexpr std::size_t most_in_flight = 4;
constexpr std::size_t most_held_bytes = 16 << 20;
constexpr std::size_t most_sealed = 8;            // a few ready for the next free slots; more would only leave the cache
constexpr unsigned most_strikes = 8;              // failures of one batch while others succeed
constexpr unsigned requests_per_search = 32;      // what finding the refused rows of a batch may cost
constexpr unsigned requests_per_vain_search = 2;  // while none of the last searches, and nothing else, brought a row home
constexpr unsigned most_name_failures = 8;        // with its rows in everyone's way
constexpr std::chrono::seconds refused_name_pause{60};

// The members that say where a row belongs (PROTO 4.2).
std::string prefix_of(const Destination& destination, const std::string& object_id) {
  const std::string id = nlohmann::json(object_id).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  switch (destination.type) {
    case ObjectType::experiment:
      return fmt::format(R"("experiment_id":{},)", id);
    case ObjectType::project_logs:
      return fmt::format(R"("project_id":{},"log_id":"g",)", id);
    case ObjectType::playground_logs:
      return fmt::format(R"("prompt_session_id":{},"log_id":"x",)", id);
    case ObjectType::dataset:
      return fmt::format(R"("dataset_id":{},)", id);
  }
  return {};
}

}  // namespace

struct BraintrustOutlet::State {
  State(const Settings& given, HttpClient& client, Counters& shared)
      : settings(given),
        http(client),
        counters(shared),
        backoff{.first = settings.retry_wait},
        trouble(backoff),
        assembler({.rows = std::max<std::size_t>(settings.batch_rows, 1)}),
        session(settings, http),
        uploads(settings, http, session, counters) {}

  // --- taking

  void take(const Row& row) {
    ++taken;
    Route& route = assembler.route_to(row.destination);
    if (route.state == Route::State::refused && !reopen(route)) {
      add(counters.unresolved, 1);
      ++done;
      return;
    }
    assembler.take(route, row);
  }

  // A project or dataset that could not be had is asked for again after a while: somebody may have put it right.
  bool reopen(Route& route) {
    if (Clock::now() < route.refused_at + refused_name_pause) return false;
    if (!has_name(*route.destination)) return false;
    session.forget(*route.destination);
    route.state = Route::State::waiting;
    return true;
  }

  bool full() const { return assembler.held_bytes() >= most_held_bytes || assembler.sealed() >= most_sealed; }

  // --- one step

  void advance(Clock::time_point now) {
    session.step(now);
    if (!session.ready()) return;
    assembler.set_limits({.rows = assembler.limits().rows, .request_bytes = session.max_request_bytes()});
    for (const auto& route : assembler.routes()) {
      if (route->state == Route::State::waiting) find_way(*route, now);
    }
    while (BatchPointer batch = next_batch(now)) send(std::move(batch), now);
    if (!uploads.idle()) uploads.step(now, uploads.any_waiting() ? oldest_row() : Clock::time_point::max());
  }

  Clock::time_point next_due() const {
    Clock::time_point next = session.next_due();
    if (session.ready() && in_flight.size() < most_in_flight) {
      if (trouble) {
        if (in_flight.empty() && has_waiting()) next = std::min(next, trouble.probe_due());
      } else {
        for (const BatchPointer& batch : returned) next = std::min(next, batch->progress.due);
      }
    }
    if (session.ready()) next = std::min(next, uploads.next_due());
    return next;
  }

  // --- the way to a destination

  // Others are only ever given by id.
  static bool has_name(const Destination& destination) {
    return destination.type == ObjectType::project_logs || destination.type == ObjectType::dataset;
  }

  void find_way(Route& route, Clock::time_point now) {
    Destination& destination = *route.destination;
    if (const std::string* const id = destination.id()) return open(route, *id);
    if (!has_name(destination)) {
      detail::report(Severity::error, ErrorCode::invalid_argument,
                     "an experiment or a playground was given without its id: rows for it are dropped");
      return refuse(route, now);
    }
    const bool logs = destination.type == ObjectType::project_logs;
    if (logs && destination.name.empty() && !session.default_project_id().empty()) {
      destination.publish_id(session.default_project_id());
      return open(route, *destination.id());
    }
    const Session::Place& place = session.place(destination, now);
    switch (place.state) {
      case Session::Place::State::waiting:
        return do_not_block(route, place, now);
      case Session::Place::State::refused:
        return refuse(route, now);
      case Session::Place::State::known:
        destination.publish_id(place.id);
        return open(route, *destination.id());
    }
  }

  void open(Route& route, const std::string& id) { assembler.open(route, prefix_of(*route.destination, id)); }

  void refuse(Route& route, Clock::time_point now) {
    route.refused_at = now;
    if (BatchPointer rows = assembler.refuse(route)) drop(std::move(rows), counters.unresolved);
  }

  // Rows wait for their project or dataset, but not for ever in a space that the rows of others need.
  void do_not_block(Route& route, const Session::Place& place, Clock::time_point now) {
    if (place.failures < most_name_failures || !full() || !route.waiting) return;
    const auto holds_more = [&](const auto& other) {
      return other->waiting && other->waiting->row_bytes() > route.waiting->row_bytes();
    };
    const auto& routes = assembler.routes();
    if (std::any_of(routes.begin(), routes.end(), holds_more)) return;
    detail::report(Severity::error, ErrorCode::queue_full,
                   fmt::format("{} cannot be resolved and its rows fill the queue: they are dropped",
                               session.name_of(*route.destination)));
    session.forget(*route.destination);
    refuse(route, now);
  }

  // --- sending

  bool has_waiting() const { return !returned.empty() || assembler.sealed() > 0; }

  BatchPointer next_batch(Clock::time_point now) {
    if (in_flight.size() >= most_in_flight) return nullptr;
    if (!trouble) {
      const auto ready =
          std::find_if(returned.begin(), returned.end(), [&](const BatchPointer& batch) { return batch->progress.due <= now; });
      return ready == returned.end() ? assembler.next() : take_out(returned, ready);
    }
    // The server is in trouble: one request at a time, from time to time. Not always the same one: the batch itself may be what
    // the server cannot bear.
    if (!in_flight.empty() || now < trouble.probe_due()) return nullptr;
    if (BatchPointer fresh = assembler.next()) return fresh;
    const auto least = std::min_element(
        returned.begin(), returned.end(),
        [](const BatchPointer& left, const BatchPointer& right) { return left->progress.failures < right->progress.failures; });
    return least == returned.end() ? nullptr : take_out(returned, least);
  }

  static BatchPointer take_out(std::vector<BatchPointer>& batches, std::vector<BatchPointer>::iterator which) {
    BatchPointer batch = std::move(*which);
    batches.erase(which);
    return batch;
  }

  void send(BatchPointer owned, Clock::time_point now) {
    Batch& batch = *owned;
    auto& progress = batch.progress;
    progress.sent_at = now;
    progress.login = session.login();
    progress.successes_at_send = successes;
    if (batch.body().size() > session.max_request_bytes() && session.overflow_allowed()) progress.overflow = true;
    if (!progress.sent_before) dump_payload(settings.all_payloads_directory, batch.body(), jitter);
    add(counters.requests, 1);
    if (progress.failures > 0) add(counters.retries, 1);
    progress.sent_before = true;
    in_flight.push_back(std::move(owned));
    deliver(http, session, batch, settings.request_timeout, [this, &batch](const Outcome& outcome) {
      const auto which =
          std::find_if(in_flight.begin(), in_flight.end(), [&](const BatchPointer& one) { return one.get() == &batch; });
      on_outcome(take_out(in_flight, which), outcome);
    });
  }

  // --- what came of it

  void on_outcome(BatchPointer batch, const Outcome& outcome) {
    const HttpResponse& response = outcome.response;
    if (response.ok()) return on_delivered(std::move(batch));
    if (response.status == 401 && !outcome.from_store) {
      session.key_refused(batch->progress.login);
      returned.push_back(std::move(batch));
      return;
    }
    if (response.status == 413 && !outcome.from_store) return on_too_large(std::move(batch));
    if (may_retry(response.status)) return on_failure(std::move(batch), outcome);
    if (can_search(*batch, response.status)) return search(std::move(batch), response.status);
    drop_refused(std::move(batch), outcome);
  }

  void on_delivered(BatchPointer batch) {
    ++successes;
    if (trouble.end()) detail::report(Severity::info, ErrorCode::transport, "the server answers again: waiting rows are sent");
    session.key_accepted();
    const std::uint64_t rows = batch->count();
    add(counters.sent_rows, rows);
    add(counters.sent_bytes, batch->body().size());
    done += rows;
    assembler.finish(std::move(batch));
  }

  void on_too_large(BatchPointer batch) {
    if (batch->rows().size() > 1) return send_parts(std::move(batch), Assembler::Split::in_the_middle, 0);
    if (session.overflow_allowed() && !batch->progress.overflow) {
      batch->progress.overflow = true;
      returned.push_back(std::move(batch));
      return;
    }
    detail::report(Severity::error, ErrorCode::http_status,
                   fmt::format("{} says that a row is too large (status 413): it is dropped", origin_of(session.api_url())));
    drop(std::move(batch), counters.refused);
  }

  void on_failure(BatchPointer batch, const Outcome& outcome) {
    const HttpResponse& response = outcome.response;
    const auto now = Clock::now();
    auto& progress = batch->progress;
    ++progress.failures;
    const auto asked =
        parse_retry_after(response.retry_after, std::chrono::system_clock::now()).value_or(std::chrono::milliseconds(0));
    progress.due = now + std::max(backoff.wait(progress.failures, jitter.fraction()), asked);
    const bool others_succeed = successes != progress.successes_at_send;
    if ((!others_succeed || asked.count() > 0) && trouble.begin_or_grow(progress.sent_at, asked, now)) {
      detail::report(Severity::warning, response.status == 0 ? ErrorCode::transport : ErrorCode::http_status,
                     fmt::format("{} takes no rows at present ({}): they wait, and are sent again",
                                 origin_of(session.api_url()), reason_of(response)));
    }
    if (settings.retries && progress.failures > *settings.retries) {
      detail::report(Severity::error, ErrorCode::http_status,
                     fmt::format("{} failed as often as it may ({}): rows are dropped", origin_of(session.api_url()),
                                 reason_of(response)));
      return drop(std::move(batch), counters.exhausted);
    }
    if (response.status >= 500 && successes != progress.successes_seen) {
      progress.successes_seen = successes;
      if (++progress.strikes >= most_strikes) return on_strikes(std::move(batch), response);
    }
    returned.push_back(std::move(batch));
  }

  // The server works, but not for this batch: some row of it may be what it stumbles over.
  void on_strikes(BatchPointer batch, const HttpResponse& response) {
    if (batch->rows().size() > 1) {
      return send_parts(std::move(batch), Assembler::Split::in_the_middle, most_strikes / 2);
    }
    detail::report(Severity::error, ErrorCode::http_status,
                   fmt::format("{} fails at a row again and again ({}) while others pass: it is dropped",
                               origin_of(session.api_url()), reason_of(response)));
    drop(std::move(batch), counters.exhausted);
  }

  // --- one bad row must not cost the others

  // 400 and 422 are about some row; 403 and 404 about some destination.
  bool can_search(Batch& batch, int status) {
    if (batch.rows().size() < 2 || batch.progress.overflow) return false;
    const bool by_row = status == 400 || status == 422;
    const bool by_destination = (status == 403 || status == 404) && batch.several_destinations();
    if (!by_row && !by_destination) return false;
    if (!batch.progress.spare_requests) {
      if (successes != successes_at_search) searches_since_success = 0;
      successes_at_search = successes;
      const bool vain = ++searches_since_success > most_in_flight;
      batch.progress.spare_requests = std::make_shared<unsigned>(vain ? requests_per_vain_search : requests_per_search);
    }
    return *batch.progress.spare_requests >= 2;
  }

  void search(BatchPointer batch, int status) {
    *batch->progress.spare_requests -= 2;
    const bool by_row = status == 400 || status == 422;
    send_parts(std::move(batch), by_row ? Assembler::Split::in_the_middle : Assembler::Split::by_destination, 0);
  }

  void send_parts(BatchPointer batch, Assembler::Split how, unsigned strikes) {
    auto [first, second] = assembler.split(std::move(batch), how);
    for (BatchPointer* const part : {&first, &second}) {
      (*part)->progress.strikes = strikes;
      (*part)->progress.sent_before = true;
      returned.push_back(std::move(*part));
    }
  }

  void drop_refused(BatchPointer batch, const Outcome& outcome) {
    const bool key = outcome.response.status == 403 && !outcome.from_store;
    detail::report(
        Severity::error, key ? ErrorCode::unauthorized : ErrorCode::http_status,
        fmt::format("{} refused rows ({}): they are dropped",
                    outcome.from_store ? "the object store" : origin_of(session.api_url()), reason_of(outcome.response)));
    drop(std::move(batch), counters.refused);
  }

  void drop(BatchPointer batch, Counters::Count& reason) {
    const std::uint64_t rows = batch->count();
    dump_payload(settings.failed_payloads_directory, batch->body(), jitter);
    add(reason, rows);
    done += rows;
    assembler.finish(std::move(batch));
  }

  void give_up() {
    std::vector<BatchPointer> all = assembler.surrender();
    for (auto* const batches : {&in_flight, &returned}) {
      std::move(batches->begin(), batches->end(), std::back_inserter(all));
      batches->clear();
    }
    for (const BatchPointer& batch : all) dump_payload(settings.failed_payloads_directory, batch->body(), jitter);
    add(counters.closed, taken - done);
    done = taken;
    uploads.give_up();
  }

  // When the oldest row that is held was taken; `max` when none is.
  Clock::time_point oldest_row() const {
    auto oldest = assembler.oldest();
    if (oldest == Clock::time_point{}) oldest = Clock::time_point::max();
    for (const auto* const batches : {&in_flight, &returned}) {
      for (const BatchPointer& batch : *batches) oldest = std::min(oldest, batch->progress.since);
    }
    return oldest;
  }

  const Settings settings;
  HttpClient& http;
  Counters& counters;
  const Backoff backoff;  // of one batch
  Jitter jitter;
  ServerTrouble trouble;
  Assembler assembler;
  Session session;
  Uploads uploads;

  std::vector<BatchPointer> in_flight;
  std::vector<BatchPointer> returned;  // to be sent again, each at its time

  std::uint64_t taken = 0;
  std::uint64_t done = 0;
  std::uint64_t successes = 0;
  std::uint64_t successes_at_search = 0;
  std::size_t searches_since_success = 0;
};

BraintrustOutlet::BraintrustOutlet(const Settings& settings, HttpClient& http, Counters& counters)
    : state_(std::make_unique<State>(settings, http, counters)) {}
BraintrustOutlet::~BraintrustOutlet() = default;

void BraintrustOutlet::expect(RowId id) const noexcept { state_->assembler.expect(id); }
void BraintrustOutlet::take(const Row& row) { state_->take(row); }
void BraintrustOutlet::take_upload(Upload upload) { state_->uploads.take(std::move(upload)); }
void BraintrustOutlet::seal() { state_->assembler.seal(); }
void BraintrustOutlet::advance(Clock::time_point now) { state_->advance(now); }
Outlet::Clock::time_point BraintrustOutlet::next_due() const { return state_->next_due(); }
bool BraintrustOutlet::idle() const noexcept { return state_->done == state_->taken && state_->uploads.idle(); }
bool BraintrustOutlet::full() const noexcept { return state_->full(); }
bool BraintrustOutlet::stuck() const noexcept { return state_->trouble || state_->session.stuck(); }
bool BraintrustOutlet::hopeless() const noexcept { return state_->session.hopeless(); }
void BraintrustOutlet::try_now(Clock::time_point now) { state_->trouble.try_now(now); }
void BraintrustOutlet::look_for_key() { state_->session.look_for_key(); }
std::uint64_t BraintrustOutlet::held_rows() const noexcept { return state_->assembler.held_rows(); }
std::size_t BraintrustOutlet::held_bytes() const noexcept { return state_->assembler.held_bytes(); }
Outlet::Clock::time_point BraintrustOutlet::oldest() const noexcept { return state_->oldest_row(); }
void BraintrustOutlet::give_up() { state_->give_up(); }
std::string BraintrustOutlet::org_name() const { return state_->session.org_name(); }

}  // namespace braintrust::pipeline
