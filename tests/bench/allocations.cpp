#include "bench/allocations.h"

#include <cstddef>

// glibc's own entries, so that the counting ones can stand in their place.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
}

namespace {
constinit thread_local std::uint64_t count = 0;
}

extern "C" {
void* malloc(std::size_t size) {
  ++count;
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) {
  ++count;
  return __libc_calloc(number, size);
}
void* realloc(void* memory, std::size_t size) {
  ++count;
  return __libc_realloc(memory, size);
}
}

namespace bench {

std::uint64_t allocations_of_this_thread() { return count; }

}  // namespace bench
