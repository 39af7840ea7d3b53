#pragma once

// Counts what this thread takes from the allocator: malloc, calloc, realloc and operator new. glibc.

#include <cstdint>

namespace bench {

std::uint64_t allocations_of_this_thread();

}  // namespace bench
