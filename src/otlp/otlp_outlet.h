#pragma once

// `OtlpOutlet`: brings spans to a server that takes OTLP over HTTP (pipeline/outlet.h).
//
// A span becomes a span of OTLP when its last row comes; rows that were written while it was open wait here for that. Where the
// last one is lost, the span goes as it stands. Spans then go in batches, a few requests at a time. Repeated are requests
// without an answer and the statuses 429, 502, 503 and 504, and no others, as the specification has it; a batch that is too
// large (413) is halved. Of one that was taken in part, the rest counts as refused.
//
// Threads: one. Errors: told to the diagnostics handler and counted. Source: the OTLP specification 1.3, "OTLP/HTTP".

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "otlp/encoding.h"
#include "pipeline/outlet.h"

namespace braintrust::detail::otlp {

// Options, environment and defaults put together (otlp.cpp).
struct OtlpSettings {
  std::string url = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  const Encoding* encoding = nullptr;
  bool gzip = false;
  std::chrono::milliseconds timeout{10'000};
  pipeline::HttpRequest::Tls tls = {};
  Resource resource = {};
};

class OtlpOutlet final : public pipeline::Outlet {
 public:
  // `own` must stay.
  OtlpOutlet(const OtlpSettings& own, const pipeline::Settings& settings, pipeline::HttpClient& http,
             pipeline::Counters& counters, std::size_t share);
  ~OtlpOutlet() override;

  void take(const pipeline::Row& row) override;
  bool leave_out(const pipeline::Row& row) override;
  void take_no_more_of_open_spans() override;
  void lose_end(RowId row) override;
  void seal() override;
  void advance(Clock::time_point now) override;
  Clock::time_point next_due() const override;
  bool idle() const noexcept override;
  bool full() const noexcept override;
  bool stuck() const noexcept override;
  void try_now(Clock::time_point now) override;
  std::uint64_t held_rows() const noexcept override;
  std::size_t held_bytes() const noexcept override;
  std::size_t open_bytes() const noexcept override;
  bool keeps_open(RowId row) const noexcept override;
  Clock::time_point oldest() const noexcept override;
  void give_up() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace braintrust::detail::otlp
