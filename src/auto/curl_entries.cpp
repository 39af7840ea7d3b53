#include "auto/curl_entries.h"

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <utility>

#include "instrument/curl_hooks.h"

namespace braintrust::automatic {
namespace {

using instrument::CurlFunctions;
using instrument::CurlMessage;
namespace hooks = instrument::curl_hooks;

constexpr std::size_t most_libraries = 8;

std::array<CurlFunctions, most_libraries> tables;
std::atomic<std::size_t> tables_used = 0;

template <std::size_t Library>
struct Entry {
  static const CurlFunctions& curl() { return tables[Library]; }

  static void* easy_init() { return hooks::easy_init(curl()); }
  static void easy_cleanup(void* easy) { hooks::easy_cleanup(curl(), easy); }
  static void easy_reset(void* easy) { hooks::easy_reset(curl(), easy); }
  static void* easy_duphandle(void* easy) { return hooks::easy_duphandle(curl(), easy); }
  static int easy_setopt(void* easy, int option, ...) {
    va_list arguments;
    va_start(arguments, option);
    const int result = hooks::easy_setopt(curl(), easy, option, arguments);
    va_end(arguments);
    return result;
  }
  static int easy_perform(void* easy) { return hooks::easy_perform(curl(), easy); }
  static int multi_add_handle(void* multi, void* easy) { return hooks::multi_add_handle(curl(), multi, easy); }
  static int multi_remove_handle(void* multi, void* easy) { return hooks::multi_remove_handle(curl(), multi, easy); }
  static CurlMessage* multi_info_read(void* multi, int* left) { return hooks::multi_info_read(curl(), multi, left); }

  static CurlEntries all() {
    CurlFunctions made;
    made.easy_init = easy_init;
    made.easy_cleanup = easy_cleanup;
    made.easy_reset = easy_reset;
    made.easy_duphandle = easy_duphandle;
    made.easy_setopt = easy_setopt;
    made.easy_perform = easy_perform;
    made.multi_add_handle = multi_add_handle;
    made.multi_remove_handle = multi_remove_handle;
    made.multi_info_read = multi_info_read;
    CurlEntries entries;
    for (std::size_t i = 0; i < entries.size(); ++i) entries[i] = hooked_function(made, i);
    return entries;
  }
};

const std::array<CurlEntries, most_libraries>& all_entries() {
  static const std::array<CurlEntries, most_libraries> entries = []<std::size_t... Library>(std::index_sequence<Library...>) {
    return std::array<CurlEntries, most_libraries>{Entry<Library>::all()...};
  }
  (std::make_index_sequence<most_libraries>());
  return entries;
}

// Calls `use` with the field of that place.
template <class Curl, class Use>
void with_field(Curl& curl, std::size_t index, Use&& use) {
  switch (index) {
    case 0:
      return use(curl.easy_init);
    case 1:
      return use(curl.easy_cleanup);
    case 2:
      return use(curl.easy_reset);
    case 3:
      return use(curl.easy_duphandle);
    case 4:
      return use(curl.easy_setopt);
    case 5:
      return use(curl.easy_perform);
    case 6:
      return use(curl.multi_add_handle);
    case 7:
      return use(curl.multi_remove_handle);
    case 8:
      return use(curl.multi_info_read);
    default:
      return;
  }
}

}  // namespace

std::size_t hooked_index(std::string_view name) noexcept {
  return static_cast<std::size_t>(std::find(hooked_names.begin(), hooked_names.end(), name) - hooked_names.begin());
}

AnyFunction hooked_function(const CurlFunctions& curl, std::size_t index) noexcept {
  AnyFunction function = nullptr;
  with_field(curl, index, [&](auto field) { function = reinterpret_cast<AnyFunction>(field); });
  return function;
}

void set_hooked_function(CurlFunctions& curl, std::size_t index, AnyFunction function) noexcept {
  with_field(curl, index, [&](auto& field) { field = reinterpret_cast<std::remove_reference_t<decltype(field)>>(function); });
}

const CurlEntries* find_or_add_curl(const CurlFunctions& curl) noexcept {
  const std::size_t used = tables_used.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < used; ++i) {
    if (tables[i] == curl) return &all_entries()[i];
  }
  if (used == most_libraries) return nullptr;
  tables[used] = curl;
  tables_used.store(used + 1, std::memory_order_release);
  return &all_entries()[used];
}

bool is_entry(AnyFunction function) noexcept {
  const std::size_t used = tables_used.load(std::memory_order_acquire);
  return std::any_of(all_entries().begin(), all_entries().begin() + static_cast<std::ptrdiff_t>(used),
                     [&](const CurlEntries& one) { return std::find(one.begin(), one.end(), function) != one.end(); });
}

}  // namespace braintrust::automatic
