#pragma once

// Identifiers as texts, and back. `to_string` makes a text of its own of each; these write where there is room.
// Threads: pure. Errors: said in the return value.

#include <cstddef>
#include <string_view>

#include <braintrust/core/id.h>

namespace braintrust::detail {

// Lower-case hex without a terminator: 16, 32 and 36 characters.
inline constexpr std::size_t span_id_size = 16;
inline constexpr std::size_t trace_id_size = 32;
inline constexpr std::size_t row_id_size = 36;
void write_hex(SpanId id, char* out) noexcept;
void write_hex(TraceId id, char* out) noexcept;
void write_uuid(RowId id, char* out) noexcept;

// A row id from a UUID's text, in any case; nothing (false) from any other text.
bool parse_uuid(std::string_view text, RowId& id) noexcept;
bool parse_hex(std::string_view text, SpanId& id) noexcept;
bool parse_hex(std::string_view text, TraceId& id) noexcept;

}  // namespace braintrust::detail
