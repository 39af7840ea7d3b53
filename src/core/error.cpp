#include <braintrust/core/error.h>

namespace braintrust {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::missing_api_key:
      return "missing_api_key";
    case ErrorCode::unauthorized:
      return "unauthorized";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::transport:
      return "transport";
    case ErrorCode::http_status:
      return "http_status";
    case ErrorCode::bad_response:
      return "bad_response";
    case ErrorCode::deadline_exceeded:
      return "deadline_exceeded";
    case ErrorCode::queue_full:
      return "queue_full";
    case ErrorCode::callback_failed:
      return "callback_failed";
    case ErrorCode::io:
      return "io";
    case ErrorCode::closed:
      return "closed";
  }
  return "unknown";
}

}  // namespace braintrust
