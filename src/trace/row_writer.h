#pragma once

// `RowWriter`: turns records into the rows of PROTO 4.2, and open spans into partial rows.
//
// One a logger, driven by its background thread; reuses its buffers. A record that cannot be written is counted as `invalid`
// and told; it takes no other with it. Wall time is the steady clock plus an offset that is measured twice a second and follows
// the wall clock when that is set (by more than 10 ms), so durations are always the steady clock's.
//
// Threads: the background thread. Source: PROTO 4.2, 5, 8; INST 2, 3.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <braintrust/core/buffer.h>

#include "pipeline/flusher.h"
#include "trace/record.h"
#include "trace/row_fields.h"

namespace braintrust::detail {

struct LoggerCore;
struct SpanSlot;

class RowWriter final : public pipeline::RowSource {
 public:
  // Gives the JSON text of `context.span_origin` for the name of an instrumentation. Called when a name first comes, because it
  // may read a file.
  using SpanOrigin = std::function<std::string(std::string_view instrumentation)>;
  RowWriter(LoggerCore& core, SpanOrigin span_origin);

  void write(const char* record, pipeline::Courier& courier) override;
  void discard(const char* record) noexcept override;
  void begin_anew() override;
  void write_open(bool all, pipeline::Courier& courier) override;
  void lose_end(RowId row, pipeline::Courier& courier) override;

 private:
  void write_open_span(SpanSlot& slot, bool all, std::int64_t now, pipeline::Courier& courier);
  void write_or_count(const RecordHeader& header, std::string_view file, std::string_view function, std::string_view fields,
                      pipeline::Courier& courier);
  void write_row(const RecordHeader& header, std::string_view file, std::string_view function, std::string_view fields,
                 pipeline::Courier& courier);
  void hand_over_attachments(pipeline::Courier& courier);
  void write_comment(const RecordHeader& header, const RowFields& fields);
  void write_ids(const RecordHeader& header, const RowFields& fields);
  void write_span_ids(const RecordHeader& header, const RowFields& fields);
  void write_attributes(const RecordHeader& header, const RowFields& fields);
  void write_metrics(const RecordHeader& header, const RowFields& fields);
  void write_context(const RecordHeader& header, std::string_view file, std::string_view function,
                     std::string_view instrumentation);
  std::string_view interpreted(const RecordHeader& header, std::string_view fields);
  const std::string& span_origin_of(std::string_view instrumentation);
  void append_json(std::string_view text);
  void append_seconds(const Moment& moment);
  void append_time(const Moment& moment);
  std::int64_t wall(const Moment& moment) const noexcept;

  LoggerCore& core_;
  SpanOrigin make_span_origin_;
  std::int64_t wall_offset_;

  // What is written to while a row is made.
  struct Work {
    Buffer row = {};
    std::string context = {};
    Buffer open_fields = {};
    Buffer interpreted = {};
    std::map<std::string, std::string, std::less<>> span_origins = {};
    // Of open spans that were sent with deferred fields: the metadata these came to, for the deferred fields that follow.
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> sent_metadata = {};
  };
  std::unique_ptr<Work> work_;
  Work* left_alone_ = nullptr;  // the parent process's, kept in sight of leak checkers
};

// `{"name":"braintrust.sdk.cpp","version":…,"instrumentation":{"name":…},"environment":{…}}`; the last where `type` or `name`
// of the environment is given.
std::string span_origin_json(std::string_view instrumentation, std::string_view environment_type,
                             std::string_view environment_name);

}  // namespace braintrust::detail
