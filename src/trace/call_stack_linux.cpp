#include <pthread.h>

#include <cstddef>

#include "trace/call_stack.h"

namespace braintrust::detail {

const char* find_call_stack() noexcept {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return nullptr;
  void* lowest = nullptr;
  std::size_t bytes = 0;
  const bool known = pthread_attr_getstack(&attributes, &lowest, &bytes) == 0;
  pthread_attr_destroy(&attributes);
  return known ? static_cast<const char*>(lowest) + bytes : nullptr;
}

}  // namespace braintrust::detail
