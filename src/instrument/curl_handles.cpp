#include "instrument/curl_handles.h"

#include <array>
#include <cstdint>
#include <exception>
#include <mutex>
#include <unordered_map>

#include "pipeline/background_thread.h"

namespace braintrust::instrument {
namespace {

struct alignas(64) Shard {
  std::mutex mutex;
  std::unordered_map<const void*, std::unique_ptr<CurlHandle>> handles;
};

constexpr unsigned shard_bits = 4;
using Shards = std::array<Shard, 1U << shard_bits>;

Shards& shards() {
  static Shards* const instance = [] {
    auto* const made = new Shards;
    pipeline::on_fork(
        [] {
          for (Shard& shard : shards()) shard.mutex.lock();
        },
        [] {
          for (Shard& shard : shards()) shard.mutex.unlock();
        },
        [] {
          for (Shard& shard : shards()) shard.mutex.unlock();
        });
    return made;
  }();
  return *instance;
}

Shard& shard_of(const void* easy) {
  // Fibonacci hashing: handles lie at similar addresses.
  const std::uint64_t hash = reinterpret_cast<std::uintptr_t>(easy) * std::uint64_t{0x9E3779B97F4A7C15};
  return shards()[hash >> (64 - shard_bits)];
}

}  // namespace

CurlHandle* find_handle(const void* easy) noexcept {
  Shard& shard = shard_of(easy);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.handles.find(easy);
  return found != shard.handles.end() ? found->second.get() : nullptr;
}

CurlHandle* remember_handle(const void* easy) noexcept {
  if (easy == nullptr) return nullptr;
  try {
    auto handle = std::make_unique<CurlHandle>();
    CurlHandle* const known = handle.get();
    Shard& shard = shard_of(easy);
    const std::lock_guard lock(shard.mutex);
    std::unique_ptr<CurlHandle>& place = shard.handles[easy];
    place.swap(handle);
    return known;
  } catch (const std::exception&) {
    forget_handle(easy);
    return nullptr;
  }
}

void forget_handle(const void* easy) noexcept {
  std::unique_ptr<CurlHandle> last;  // dies after the lock: a call that ends with it logs
  Shard& shard = shard_of(easy);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.handles.find(easy);
  if (found == shard.handles.end()) return;
  last = std::move(found->second);
  shard.handles.erase(found);
}

}  // namespace braintrust::instrument
