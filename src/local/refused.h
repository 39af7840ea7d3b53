#pragma once

// `Refused`: what a caller asked for cannot be, thrown from within a transaction so that it unwinds. `Store::State::locked`
// makes the `Error` of it. Threads: a plain value.

#include <string>
#include <utility>

#include <braintrust/core/error.h>

namespace braintrust::local {

struct Refused {
  Error error;
};

[[noreturn]] inline void refuse_request(std::string message) {
  throw Refused{{ErrorCode::invalid_argument, std::move(message)}};
}
[[noreturn]] inline void refuse_unknown(std::string message) { throw Refused{{ErrorCode::not_found, std::move(message)}}; }

}  // namespace braintrust::local
