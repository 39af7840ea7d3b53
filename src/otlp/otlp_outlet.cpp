#include "otlp/otlp_outlet.h"

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include <braintrust/core/diagnostics.h>

#include "core/clock.h"
#include "core/gzip.h"
#include "core/quantity_text.h"
#include "core/secrets.h"
#include "core/utf8.h"
#include "otlp/request_size.h"
#include "otlp/retry.h"
#include "otlp/span_of_row.h"
#include "pipeline/container.h"
#include "pipeline/login.h"
#include "pipeline/retry.h"
#include "pipeline/row_merge.h"
#include "pipeline/server_trouble.h"

namespace braintrust::detail::otlp {
namespace {

using namespace pipeline;  // NOLINT: this room stands on that one
using Clock = Outlet::Clock;

constexpr std::size_t most_in_flight = 4;
constexpr std::size_t most_spans = 1000;  // in one request
constexpr std::size_t most_sealed = 8;
constexpr std::size_t most_held_bytes = 16u << 20;

struct OtlpBatch {
  Buffer spans = {};
  std::vector<std::size_t> begins = {};  // of each span in there
  std::string body = {};                 // while it is on its way
  Clock::time_point since = {};
  Clock::time_point sent_at = {};
  Clock::time_point due = {};
  unsigned failures = 0;
};
using BatchPointer = std::unique_ptr<OtlpBatch>;

struct RowIdHash {
  std::size_t operator()(RowId id) const noexcept { return static_cast<std::size_t>(id.high ^ id.low); }
};

// A span that has not ended, as far as it was told of.
struct OpenSpan {
  Destination* destination = nullptr;
  std::string text = {};
};

std::uint64_t now_in_nanoseconds() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since_1970).count());
}

}  // namespace

struct OtlpOutlet::State {
  State(const OtlpSettings& given, const Settings& logger, HttpClient& client, Counters& shared, std::size_t share)
      : own(given),
        settings(with_env_file(logger)),
        http(client),
        counters(shared),
        backoff{.first = settings.retry_wait},
        trouble(backoff),
        most_open_bytes(share) {}

  // --- taking

  using OpenSpans = std::unordered_map<RowId, OpenSpan, RowIdHash>;

  void take(const Row& row) {
    if (!row.of_span) return cannot_carry();
    if (const auto open = open_spans.find(row.id); open != open_spans.end()) return add_to_open(open, row);
    if (is_given_up(row)) return;
    if (row.merge) return cannot_carry();  // a change of what was sent
    if (row.ends_span) return encode(row.text, *row.destination);
    if (open_bytes + row.text.size() > most_open_bytes) return give_up_open(row.id);
    open_spans.emplace(row.id, OpenSpan{row.destination, std::string(row.text)});
    open_bytes += row.text.size();
  }

  void add_to_open(OpenSpans::iterator open, const Row& row) {
    std::string& text = open->second.text;
    if (auto merged = merge_rows(text, false, row.text)) {
      open_bytes = open_bytes - text.size() + merged->size();
      text = std::move(*merged);
    }
    if (row.ends_span) {
      encode_open(open);
    } else if (open_bytes > most_open_bytes) {
      open_bytes -= text.size();
      open_spans.erase(open);
      give_up_open(row.id);
    }
  }

  bool leave_out(const Row& row) {
    if (is_given_up(row)) return false;
    if (row.of_span && !row.merge && !row.ends_span) given_up.insert(row.id);
    return true;
  }

  // Whether the row is of a span that is lost already.
  bool is_given_up(const Row& row) {
    const auto given = given_up.find(row.id);
    if (given == given_up.end()) return false;
    if (row.ends_span) given_up.erase(given);
    return true;
  }

  // The span is lost; what follows of it is of the same loss.
  void give_up_open(RowId row) {
    given_up.insert(row);
    add(counters.outlet_full, 1);
    report(Severity::warning, ErrorCode::queue_full,
           "spans that are open for long hold more than an exporter may keep: some will not reach it "
           "(LoggerOptions::queue sets the bound)");
  }

  OpenSpans::iterator encode_open(OpenSpans::iterator open) {
    encode(open->second.text, *open->second.destination);
    open_bytes -= open->second.text.size();
    return open_spans.erase(open);
  }
  void lose_end(RowId row) {
    given_up.erase(row);
    if (const auto open = open_spans.find(row); open != open_spans.end()) encode_open(open);
  }
  void encode_all_open() {
    for (auto open = open_spans.begin(); open != open_spans.end();) open = encode_open(open);
  }

  void encode(std::string_view row, const Destination& destination) {
    if (!read_row(row, container(destination), span)) {
      add(counters.invalid, 1);
      return report(Severity::error, ErrorCode::invalid_argument, "a row has no ids that OTLP could hold: it was left out");
    }
    if (!forming) {
      forming = spare.empty() ? std::make_unique<OtlpBatch>() : std::move(spare.back());
      if (!spare.empty()) spare.pop_back();
      forming->since = Clock::now();
    }
    const std::size_t before = forming->spans.size();
    own.encoding->add(span, span.end != 0 ? span.end : now_in_nanoseconds(), forming->spans);
    forming->begins.push_back(before);
    held_bytes += forming->spans.size() - before;
    ++held_rows;
    if (forming->begins.size() >= most_spans || forming->spans.size() >= most_request_bytes) seal();
  }

  std::string_view container(const Destination& destination) {
    if (&destination != last_destination) {
      last_container = utf8::repaired(container_of(destination, settings));
      last_destination = &destination;
    }
    return last_container;
  }

  void cannot_carry() {
    if (counters.not_carried.load(std::memory_order_relaxed) == 0) {
      report(Severity::warning, ErrorCode::invalid_argument,
             "OTLP has no form for feedback, for records, and for changes of a span that has ended: they are left out");
    }
    add(counters.not_carried, 1);
  }

  void seal() {
    if (forming) sealed.push_back(std::move(forming));
  }

  // --- sending

  void advance(Clock::time_point now) {
    while (BatchPointer batch = next_batch(now)) send(std::move(batch), now);
  }

  BatchPointer next_batch(Clock::time_point now) {
    if (in_flight.size() >= most_in_flight) return nullptr;
    // A server in trouble is asked for one batch at a time.
    if (trouble && (!in_flight.empty() || now < trouble.probe_due())) return nullptr;
    const auto ready =
        std::find_if(returned.begin(), returned.end(), [&](const BatchPointer& batch) { return batch->due <= now; });
    BatchPointer batch;
    if (ready != returned.end()) {
      batch = std::move(*ready);
      returned.erase(ready);
    } else if (!sealed.empty()) {
      batch = std::move(sealed.front());
      sealed.pop_front();
    }
    return batch;
  }

  void send(BatchPointer owned, Clock::time_point now) {
    OtlpBatch& batch = *owned;
    batch.sent_at = now;
    batch.body = own.encoding->request(own.resource, batch.spans.view());
    HttpRequest request{.method = "POST", .url = own.url, .headers = own.headers, .timeout = own.timeout, .tls = own.tls};
    request.headers.emplace_back("Content-Type", own.encoding->content_type());
    if (own.gzip) {
      batch.body = gzip(batch.body);
      if (is_gzip(batch.body)) request.headers.emplace_back("Content-Encoding", "gzip");
    }
    request.borrowed_body = batch.body;
    add(counters.requests, 1);
    if (batch.failures > 0) add(counters.retries, 1);
    in_flight.push_back(std::move(owned));
    http.submit(std::move(request), [this, &batch](const HttpResponse& response) {
      const auto which =
          std::find_if(in_flight.begin(), in_flight.end(), [&](const BatchPointer& one) { return one.get() == &batch; });
      BatchPointer back = std::move(*which);
      in_flight.erase(which);
      on_answer(std::move(back), response);
    });
  }

  void on_answer(BatchPointer batch, const HttpResponse& response) {
    if (response.ok()) return on_delivered(std::move(batch), response);
    if (may_repeat(response.status)) return on_failure(std::move(batch), response);
    if (response.status == 413 && batch->begins.size() > 1) return halve(std::move(batch));
    report(Severity::error, response.status == 401 || response.status == 403 ? ErrorCode::unauthorized : ErrorCode::http_status,
           fmt::format("{} refused {} ({}): they are dropped", origin_of(own.url),
                       counted(batch->begins.size(), "span", "spans"), reason_of(response)));
    drop(std::move(batch), counters.refused);
  }

  void on_delivered(BatchPointer batch, const HttpResponse& response) {
    if (trouble.end()) report(Severity::info, ErrorCode::transport, "the OTLP server answers again: waiting spans are sent");
    PartialSuccess partial = own.encoding->read_response(response.body);
    const std::uint64_t rejected = std::min<std::uint64_t>(partial.rejected_spans, batch->begins.size());
    if (rejected > 0 || !partial.message.empty()) {
      report(rejected > 0 ? Severity::error : Severity::warning, ErrorCode::http_status,
             fmt::format("{} refused {} of {}: {}", origin_of(own.url), rejected,
                         counted(batch->begins.size(), "span", "spans"), without_secrets(std::move(partial.message))));
    }
    add(counters.sent_rows, batch->begins.size() - rejected);
    add(counters.refused, rejected);
    add(counters.sent_bytes, batch->body.size());
    let_go(std::move(batch));
  }

  // A server may say what it was sent.
  std::string without_secrets(std::string said) const {
    for (const auto& header : own.headers) hide_secret(said, header.second);
    hide_bearers(said);
    return said.substr(0, 300);
  }

  void on_failure(BatchPointer batch, const HttpResponse& response) {
    const auto now = Clock::now();
    ++batch->failures;
    if (settings.retries && batch->failures > *settings.retries) {
      report(Severity::error, ErrorCode::http_status,
             fmt::format("{} failed as often as it may ({}): spans are dropped", origin_of(own.url), reason_of(response)));
      return drop(std::move(batch), counters.exhausted);
    }
    const auto asked =
        parse_retry_after(response.retry_after, std::chrono::system_clock::now()).value_or(std::chrono::milliseconds(0));
    batch->due = now + std::max(backoff.wait(batch->failures, jitter.fraction()), asked);
    if (trouble.begin_or_grow(batch->sent_at, asked, now)) {
      report(Severity::warning, response.status == 0 ? ErrorCode::transport : ErrorCode::http_status,
             fmt::format("{} takes no spans at present ({}): they wait, and are sent again", origin_of(own.url),
                         reason_of(response)));
    }
    batch->body.clear();
    returned.push_back(std::move(batch));
  }

  void try_now(Clock::time_point now) {
    trouble.try_now(now);
    for (const BatchPointer& batch : returned) batch->due = std::min(batch->due, trouble.probe_due());
  }

  void halve(BatchPointer batch) {
    const std::size_t middle = batch->begins.size() / 2;
    const std::size_t cut = batch->begins[middle];
    auto second = std::make_unique<OtlpBatch>();
    second->since = batch->since;
    second->spans.append(batch->spans.view().substr(cut));
    for (std::size_t i = middle; i < batch->begins.size(); ++i) second->begins.push_back(batch->begins[i] - cut);
    batch->begins.resize(middle);
    batch->spans.truncate(cut);
    batch->body.clear();
    returned.push_back(std::move(batch));
    returned.push_back(std::move(second));
  }

  void drop(BatchPointer batch, Counters::Count& reason) {
    add(reason, batch->begins.size());
    let_go(std::move(batch));
  }

  void let_go(BatchPointer batch) {
    held_rows -= batch->begins.size();
    held_bytes -= batch->spans.size();
    if (spare.size() >= most_in_flight) return;
    batch->spans.clear();
    batch->begins.clear();
    batch->body.clear();
    batch->due = {};
    batch->failures = 0;
    spare.push_back(std::move(batch));
  }

  // --- looking

  Clock::time_point next_due() const {
    auto next = Clock::time_point::max();
    if (in_flight.size() >= most_in_flight || (trouble && !in_flight.empty())) return next;
    for (const BatchPointer& batch : returned) next = std::min(next, batch->due);
    if (!sealed.empty()) next = Clock::time_point::min();
    return trouble && next != Clock::time_point::max() ? std::max(next, trouble.probe_due()) : next;
  }

  Clock::time_point oldest() const {
    auto oldest = forming ? forming->since : Clock::time_point::max();
    const auto look = [&](const auto& batches) {
      for (const BatchPointer& batch : batches) oldest = std::min(oldest, batch->since);
    };
    look(sealed);
    look(returned);
    look(in_flight);
    return oldest;
  }

  void give_up() {
    add(counters.closed, held_rows);
    add(counters.closed, open_spans.size());
    forming.reset();
    sealed.clear();
    returned.clear();
    in_flight.clear();
    open_spans.clear();
    given_up.clear();
    held_rows = 0;
    held_bytes = open_bytes = 0;
  }

  const OtlpSettings& own;
  const Settings settings;
  HttpClient& http;
  Counters& counters;
  const Backoff backoff;  // of one batch
  Jitter jitter;
  ServerTrouble trouble;

  OpenSpans open_spans;
  std::unordered_set<RowId, RowIdHash> given_up;  // open spans that there was no room for
  const std::size_t most_open_bytes;
  std::size_t open_bytes = 0;
  Span span;  // the one that is being written
  const Destination* last_destination = nullptr;
  std::string last_container;

  BatchPointer forming;
  std::deque<BatchPointer> sealed;
  std::vector<BatchPointer> returned;  // to be sent again, each at its time
  std::vector<BatchPointer> in_flight;
  std::vector<BatchPointer> spare;
  std::uint64_t held_rows = 0;
  std::size_t held_bytes = 0;
};

OtlpOutlet::OtlpOutlet(const OtlpSettings& own, const Settings& settings, HttpClient& http, Counters& counters,
                       std::size_t share)
    : state_(std::make_unique<State>(own, settings, http, counters, share)) {}
OtlpOutlet::~OtlpOutlet() = default;

void OtlpOutlet::take(const Row& row) { state_->take(row); }
bool OtlpOutlet::leave_out(const Row& row) { return state_->leave_out(row); }
void OtlpOutlet::take_no_more_of_open_spans() { state_->encode_all_open(); }
void OtlpOutlet::lose_end(RowId row) { state_->lose_end(row); }
void OtlpOutlet::seal() { state_->seal(); }
void OtlpOutlet::advance(Clock::time_point now) { state_->advance(now); }
Clock::time_point OtlpOutlet::next_due() const { return state_->next_due(); }
bool OtlpOutlet::idle() const noexcept { return state_->held_rows == 0; }
bool OtlpOutlet::full() const noexcept { return state_->held_bytes >= most_held_bytes || state_->sealed.size() >= most_sealed; }
bool OtlpOutlet::stuck() const noexcept { return static_cast<bool>(state_->trouble); }
void OtlpOutlet::try_now(Clock::time_point now) { state_->try_now(now); }
std::uint64_t OtlpOutlet::held_rows() const noexcept { return state_->held_rows; }
std::size_t OtlpOutlet::held_bytes() const noexcept { return state_->held_bytes; }
std::size_t OtlpOutlet::open_bytes() const noexcept { return state_->open_bytes; }
bool OtlpOutlet::keeps_open(RowId row) const noexcept { return state_->open_spans.contains(row); }
Clock::time_point OtlpOutlet::oldest() const noexcept { return state_->oldest(); }
void OtlpOutlet::give_up() { state_->give_up(); }

}  // namespace braintrust::detail::otlp
