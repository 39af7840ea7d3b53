#include "instrument/known_endpoints.h"

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include <braintrust/core/diagnostics.h>

#include "core/environment.h"

namespace braintrust::instrument {
namespace {

// Replaced as a whole and never freed: a request on another thread may be looking at the former one. There are few.
std::atomic<const llm::Endpoints*> known = nullptr;
std::mutex changing;

void add(llm::Endpoints& endpoints, std::string_view declared, std::string_view switched_off, const char* where) {
  std::vector<std::string> warnings;
  endpoints.declare(declared, warnings);
  endpoints.switch_off(switched_off, warnings);
  for (const std::string& warning : warnings) {
    detail::report(Severity::warning, ErrorCode::invalid_argument, std::string(where) + ": " + warning);
  }
}

const llm::Endpoints& by_environment() {
  if (const llm::Endpoints* const present = known.load(std::memory_order_acquire)) return *present;
  const detail::Environment environment = detail::Environment::snapshot();
  auto* const endpoints = new llm::Endpoints;
  add(*endpoints, environment.get("BRAINTRUST_AUTO_ENDPOINTS"), environment.get("BRAINTRUST_DISABLE_INSTRUMENTATION"),
      "environment");
  known.store(endpoints, std::memory_order_release);
  return *endpoints;
}

}  // namespace

const llm::Endpoints& known_endpoints() {
  if (const llm::Endpoints* const present = known.load(std::memory_order_acquire)) return *present;
  const std::lock_guard lock(changing);
  return by_environment();
}

void declare_endpoints(std::string_view declared, std::string_view switched_off) {
  const std::lock_guard lock(changing);
  auto* const endpoints = new llm::Endpoints(by_environment());
  add(*endpoints, declared, switched_off, "auto_instrument");
  static auto& former = *new std::vector<const llm::Endpoints*>;  // so that leak checkers still see them
  former.push_back(known.load(std::memory_order_relaxed));
  known.store(endpoints, std::memory_order_release);
}

}  // namespace braintrust::instrument
