#pragma once

// `must(result)`: its value, or a failed test that says why there is none.

#include <stdexcept>
#include <utility>

#include <braintrust/core/result.h>

template <class T>
T must(braintrust::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}
