#pragma once

// `Error`: what went wrong, in a code for programs and a sentence for people.
//
// Made by every function that returns `Result<T>`, and handed to the diagnostics handler (diagnostics.h) by work that has no
// caller to return to. A message says what to do about it, and never holds an API key or the body of a request.
//
// Threads: a plain value.

#include <string>
#include <string_view>

namespace braintrust {

// Numbered once, never reused: programs may store them.
enum class ErrorCode {
  invalid_argument = 1,   // the caller's value was refused; retrying does not help
  missing_api_key = 2,    // no key in the options, the environment or .env.braintrust
  unauthorized = 3,       // the server refused the key (401, 403)
  not_found = 4,          // the organisation, project or object does not exist
  transport = 5,          // no answer: name, connection, TLS, time-out; retrying may help
  http_status = 6,        // an answer that is neither success nor one of the above
  bad_response = 7,       // a success whose body is not what the protocol says
  deadline_exceeded = 8,  // time ran out first; the work goes on in the background
  queue_full = 9,         // rows were dropped because the queue was at its bound
  callback_failed = 10,   // a function of yours (a masking function, say) threw
  io = 11,                // a file or socket of this machine failed
  closed = 12,            // the logger was shut down before
};

// The code's name as written above: "missing_api_key".
std::string_view to_string(ErrorCode code) noexcept;

struct Error {
  ErrorCode code = ErrorCode::invalid_argument;
  std::string message = {};
};

}  // namespace braintrust
