#pragma once

// `LoggerCore`: what is behind a `Logger`.
//
// Never freed: spans, handles and threads may point to it for as long as the process runs, whatever the order in which a
// program destroys its things. What is heavy in it (thread, connections) ends with `stop`; about a kilobyte stays. Loggers are
// few.
//
// Threads: any.

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include <braintrust/trace/logger.h>

#include "pipeline/flusher.h"
#include "trace/record.h"
#include "trace/row_writer.h"

namespace braintrust::detail {

struct LoggerCore {
  LoggerCore(pipeline::Flusher::Options options, std::chrono::milliseconds timeout, pipeline::Destination* home,
             RowWriter::SpanOrigin span_origin);

  // Queues a record. The sizes in the header are filled in here. `header.lineage` goes over to the record; on a drop it is
  // released.
  void push(const RecordHeader& header, const char* file, const char* function, std::string_view fields) noexcept {
    push_record(header, file, function, fields, false);
  }
  // An update of a row by another record of the same ids. It stays behind the row, whatever threads they come from.
  void push_update(RecordHeader header, std::string_view fields) noexcept;

  void add_handle() noexcept { handles.fetch_add(1, std::memory_order_relaxed); }
  void drop_handle() noexcept;
  FlushResult stop(std::chrono::milliseconds deadline);
  void push_record(const RecordHeader& header, const char* file, const char* function, std::string_view fields,
                   bool behind) noexcept;

  const std::chrono::milliseconds exit_timeout;
  const pipeline::Settings settings;
  const std::size_t queue_bytes;  // the bound of the queue
  pipeline::Destination* const destination;
  RowWriter writer;
  pipeline::Flusher flusher;
  std::atomic<int> handles = 0;
  std::atomic<bool> counted_open = true;  // in detail::open_loggers
  LoggerCore* next = nullptr;             // in the list of all

  static Span make_span(SpanSlot* slot) noexcept { return Span(slot); }
  static LoggerCore* of(const Logger& logger) noexcept { return logger.core_; }
};

// A span that begins a trace of its own and is never current: `Logger::log`.
Span start_row(LoggerCore& core, const Site& site) noexcept;

// The current logger's core, or null.
LoggerCore* current_core() noexcept;

// A destination that lives for ever; equal ones are one object, so that rows for it are resolved once.
pipeline::Destination* intern_destination(pipeline::ObjectType type, std::string_view id, std::string_view project_name);

// Likewise, for names that come from outside. Null for a new one once there are ten thousand of them (the program's own do not
// count): none is ever freed, and a caller could go on for ever.
pipeline::Destination* intern_foreign_destination(pipeline::ObjectType type, std::string_view id,
                                                  std::string_view project_name);

// Likewise, of a dataset that `core` carries records to.
pipeline::Destination* intern_dataset(const LoggerCore& core, std::string project_name, pipeline::DatasetName dataset);

// What `Logger::update_span` and `Logger::log_feedback` do, for rows of any object.
void update_row(LoggerCore& core, pipeline::Destination& destination, std::string_view id, const SpanFields& fields);
void send_feedback(LoggerCore& core, pipeline::Destination& destination, const Feedback& feedback);

}  // namespace braintrust::detail
