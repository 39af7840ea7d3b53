#pragma once

// Which answers of a server let a request for OTLP be sent again.
//
// Threads: pure. Source: the OTLP specification, "OTLP/HTTP Response": all others must not be repeated.

namespace braintrust::detail::otlp {

// `status` 0 stands for no answer.
constexpr bool may_repeat(int status) noexcept { return status == 0 || status == 429 || (status >= 502 && status <= 504); }

}  // namespace braintrust::detail::otlp
