#include "instrument/curl_hooks.h"

#include <atomic>
#include <cstdint>
#include <exception>

#include "instrument/curl_handles.h"
#include "instrument/curl_options.h"
#include "pipeline/own_handle.h"

namespace braintrust::instrument {
namespace {

std::atomic<bool> tracing_curl = false;
std::atomic<void (*)()> before_call = nullptr;

// A traced transfer must end however curl_easy_perform is left: callbacks of C++ programs throw through it.
class PerformGuard {
 public:
  PerformGuard(const CurlFunctions& curl, void* easy) : curl_(curl), easy_(easy) {}
  PerformGuard(const PerformGuard&) = delete;
  PerformGuard& operator=(const PerformGuard&) = delete;
  ~PerformGuard() {
    CurlHandle* const handle = find_handle(easy_);
    if (handle == nullptr || handle->transfer == nullptr) return;
    if (returned_) {
      CurlTransfer::end(curl_, easy_, *handle, result_);
    } else {
      CurlTransfer::end_with_exception(curl_, easy_, *handle);
    }
  }
  int returned(int result) noexcept {
    returned_ = true;
    return result_ = result;
  }

 private:
  const CurlFunctions& curl_;
  void* easy_;
  int result_ = 0;
  bool returned_ = false;
};

CurlHandle* traced_handle(const void* easy) noexcept {
  CurlHandle* const handle = find_handle(easy);
  return handle != nullptr && handle->transfer != nullptr ? handle : nullptr;
}

// Forwards, then notes what libcurl accepted. `note` gets the settings and whether libcurl has the value.
template <class Value, class Note>
int set(const CurlFunctions& curl, void* easy, int option, Value value, Note&& note) {
  CurlHandle* const handle = find_handle(easy);
  if (handle == nullptr || handle->ours || handle->in_our_hands) return curl.easy_setopt(easy, option, value);
  const bool held = handle->transfer != nullptr && handle->transfer->holds(option);
  const int result = held ? 0 : curl.easy_setopt(easy, option, value);
  if (result == 0) {
    try {
      note(handle->settings);
    } catch (const std::exception&) {  // out of memory: what is known of it is not true any more
      if (handle->transfer == nullptr) forget_handle(easy);
    }
  }
  return result;
}

}  // namespace

void trace_curl(bool on) noexcept { tracing_curl.store(on, std::memory_order_relaxed); }
bool traces_curl() noexcept { return tracing_curl.load(std::memory_order_relaxed); }
void set_before_model_call(void (*function)()) noexcept { before_call.store(function, std::memory_order_release); }
void before_model_call() {
  if (auto* const function = before_call.load(std::memory_order_acquire)) function();
}

namespace curl_hooks {

void* easy_init(const CurlFunctions& curl) {
  void* const easy = curl.easy_init();
  if (CurlHandle* const handle = remember_handle(easy)) handle->ours = pipeline::making_own_handle;
  return easy;
}

void easy_cleanup(const CurlFunctions& curl, void* easy) {
  if (CurlHandle* const handle = traced_handle(easy)) CurlTransfer::end_unknown(curl, easy, *handle);
  // Before libcurl frees it: another thread may be given the same address at once.
  forget_handle(easy);
  curl.easy_cleanup(easy);
}

void easy_reset(const CurlFunctions& curl, void* easy) {
  CurlHandle* const handle = find_handle(easy);
  if (handle != nullptr && handle->transfer != nullptr) CurlTransfer::end_unknown(curl, easy, *handle);
  curl.easy_reset(easy);
  if (handle != nullptr) {
    handle->settings = {};
  } else {
    remember_handle(easy);  // all its options are known now
  }
}

void* easy_duphandle(const CurlFunctions& curl, void* easy) {
  void* const copy = curl.easy_duphandle(easy);
  if (copy == nullptr) return nullptr;
  const CurlHandle* const handle = find_handle(easy);
  CurlHandle* const known = handle != nullptr ? remember_handle(copy) : nullptr;
  if (handle != nullptr && handle->transfer != nullptr) CurlTransfer::give_back(curl, copy, *handle);
  if (known == nullptr) {
    forget_handle(copy);
    return copy;
  }
  try {
    known->settings = handle->settings;
    known->ours = handle->ours;
  } catch (const std::exception&) {  // out of memory
    forget_handle(copy);
  }
  return copy;
}

int easy_setopt(const CurlFunctions& curl, void* easy, int option, va_list arguments) {
  const bool known = CurlSettings::knows(option);
  if (option >= curl::first_offset && option < curl::first_blob) {
    const auto value = va_arg(arguments, std::int64_t);
    if (!known) return curl.easy_setopt(easy, option, value);
    return set(curl, easy, option, value, [&](CurlSettings& settings) { settings.set_number(option, value); });
  }
  if (option >= curl::first_function && option < curl::first_offset) {
    using Function = void (*)();
    const auto value = va_arg(arguments, Function);
    if (!known) return curl.easy_setopt(easy, option, value);
    return set(curl, easy, option, value, [&](CurlSettings& settings) { settings.set_function(option, value); });
  }
  if (option >= curl::first_object) {
    auto* const value = va_arg(arguments, void*);
    if (!known) return curl.easy_setopt(easy, option, value);
    return set(curl, easy, option, value, [&](CurlSettings& settings) { settings.set_pointer(option, value); });
  }
  const auto value = va_arg(arguments, long);
  if (!known) return curl.easy_setopt(easy, option, value);
  return set(curl, easy, option, value, [&](CurlSettings& settings) { settings.set_number(option, value); });
}

int easy_perform(const CurlFunctions& curl, void* easy) {
  CurlHandle* const handle = traces_curl() ? find_handle(easy) : nullptr;
  // One that is in the midst of a transfer is refused by libcurl.
  if (handle == nullptr || handle->transfer != nullptr) return curl.easy_perform(easy);
  CurlTransfer::begin(curl, easy, *handle, CurlTransfer::Kind::easy);
  if (handle->transfer == nullptr) return curl.easy_perform(easy);
  PerformGuard guard(curl, easy);
  return guard.returned(curl.easy_perform(easy));
}

int multi_add_handle(const CurlFunctions& curl, void* multi, void* easy) {
  CurlHandle* const handle = traces_curl() ? find_handle(easy) : nullptr;
  if (handle == nullptr || handle->transfer != nullptr) return curl.multi_add_handle(multi, easy);
  // First ours: in there a program's timer callback may already drive the transfer.
  CurlTransfer::begin(curl, easy, *handle, CurlTransfer::Kind::multi);
  const int result = curl.multi_add_handle(multi, easy);
  if (result != 0 && handle->transfer != nullptr) CurlTransfer::end_unknown(curl, easy, *handle);
  return result;
}

int multi_remove_handle(const CurlFunctions& curl, void* multi, void* easy) {
  const int result = curl.multi_remove_handle(multi, easy);
  if (result != 0) return result;
  CurlHandle* const handle = traced_handle(easy);
  if (handle != nullptr && handle->transfer->kind() == CurlTransfer::Kind::multi) {
    CurlTransfer::end_unknown(curl, easy, *handle);
  }
  return result;
}

CurlMessage* multi_info_read(const CurlFunctions& curl, void* multi, int* left) {
  CurlMessage* const message = curl.multi_info_read(multi, left);
  if (message != nullptr && message->kind == curl::message_done) {
    if (CurlHandle* const handle = traced_handle(message->easy)) {
      CurlTransfer::end(curl, message->easy, *handle, message->data.result);
    }
  }
  return message;
}

}  // namespace curl_hooks
}  // namespace braintrust::instrument
