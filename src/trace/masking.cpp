#include "trace/masking.h"

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <braintrust/core/json.h>

#include "trace/exception_text.h"

namespace braintrust {
namespace {

struct State {
  std::atomic<bool> set = false;  // so that rows without masking take no lock
  std::mutex mutex;
  std::shared_ptr<const MaskingFunction> function;
};
State& state() {
  static State* const instance = new State;  // leaked: background threads outlive static destruction
  return *instance;
}

std::string type_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    return detail::readable_type(typeid(error).name());
  } catch (...) {
    return "exception";
  }
}

}  // namespace

void set_masking_function(MaskingFunction mask) {
  // The former one dies after the lock: what it holds may set another as it goes.
  auto changing = mask ? std::make_shared<const MaskingFunction>(std::move(mask)) : nullptr;
  const std::lock_guard lock(state().mutex);
  state().function.swap(changing);
  state().set.store(state().function != nullptr, std::memory_order_release);
}

namespace detail {

std::shared_ptr<const MaskingFunction> masking_function() {
  if (!state().set.load(std::memory_order_acquire)) return nullptr;
  const std::lock_guard lock(state().mutex);
  return state().function;
}

void masking_before_fork() noexcept { state().mutex.lock(); }
void masking_after_fork() noexcept { state().mutex.unlock(); }

Masked mask(const MaskingFunction& function, std::string_view field, std::string_view json) {
  std::exception_ptr failure;
  try {
    const nlohmann::json masked = function(nlohmann::json::parse(json));
    if (masked.is_discarded()) throw std::invalid_argument("a discarded value");  // what a parser without exceptions returns
    return {.text = masked.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
  } catch (...) {
    failure = std::current_exception();
  }
  const std::string text = fmt::format("ERROR: Failed to mask field '{}' - {}", field, type_of(failure));
  return {.text = std::string(Json(text).text()), .failed = true};
}

}  // namespace detail
}  // namespace braintrust
