#include "api/prompt_cache.h"

#include <list>
#include <map>
#include <mutex>
#include <utility>

#include <braintrust/core/diagnostics.h>

#include "api/cache_folder.h"
#include "core/gzip.h"
#include "core/json_member.h"
#include "core/json_scan.h"
#include "core/sha256.h"
#include "pipeline/per_process.h"

namespace braintrust::detail {
namespace {

constexpr std::size_t most_bytes = std::size_t{16} << 20;  // of one prompt

// Of the whole process. Never destroyed: threads may outlive static destruction.
class Memory {
 public:
  static Memory& instance() {
    static auto* const memory = new pipeline::PerProcess<Memory>;
    return memory->get();
  }

  std::optional<std::string> find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end()) return std::nullopt;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->second;
  }

  void keep(const std::string& key, std::string text, std::size_t most) {
    const std::lock_guard lock(mutex_);
    if (const auto found = places_.find(key); found != places_.end()) {
      entries_.erase(found->second);
      places_.erase(found);
    }
    entries_.emplace_front(key, std::move(text));
    places_[key] = entries_.begin();
    while (entries_.size() > most) {
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
  }

  void forget(const std::string& key) {
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(key);
    if (found == places_.end()) return;
    entries_.erase(found->second);
    places_.erase(found);
  }

 private:
  using Entries = std::list<std::pair<std::string, std::string>>;
  std::mutex mutex_;
  Entries entries_;  // used last, first
  std::map<std::string, Entries::iterator> places_;
};

std::optional<nlohmann::json> parsed(std::string_view text) {
  if (!valid_json(text)) return std::nullopt;  // bounds the depth, too
  auto row = nlohmann::json::parse(text, nullptr, false);
  return row.is_object() && row.contains("prompt_data") ? std::optional(std::move(row)) : std::nullopt;
}

// One thing, by the names of the Python and of the JavaScript SDK.
std::size_t limit_of(const Environment& environment, const char* name, const char* other_name, std::size_t fallback) {
  return environment.count(name, environment.count(other_name, fallback));
}

}  // namespace

PromptCacheOptions prompt_cache_options(const Environment& environment) {
  PromptCacheOptions options;
  options.memory_entries = limit_of(environment, "BRAINTRUST_PROMPT_CACHE_MEMORY_MAX_SIZE",
                                    "BRAINTRUST_PROMPT_CACHE_MEMORY_MAX", options.memory_entries);
  options.disk_entries =
      limit_of(environment, "BRAINTRUST_PROMPT_CACHE_DISK_MAX_SIZE", "BRAINTRUST_PROMPT_CACHE_DISK_MAX", options.disk_entries);
  options.directory = environment.get("BRAINTRUST_PROMPT_CACHE_DIR");
  if (const std::string home = environment.get("HOME"); options.directory.empty() && !home.empty()) {
    options.directory = home + "/.braintrust/prompt_cache";
  }
  const std::string location(trimmed(environment.get("BRAINTRUST_CACHE_LOCATION")));
  if (location == "memory" || location == "none") options.directory.clear();
  if (location == "disk" || location == "none") options.memory_entries = 0;
  if (!location.empty() && location != "mixed" && location != "memory" && location != "disk" && location != "none") {
    report(Severity::warning, ErrorCode::invalid_argument,
           "BRAINTRUST_CACHE_LOCATION is not mixed, memory, disk or none: mixed is used");
  }
  if (options.disk_entries == 0) options.directory.clear();
  return options;
}

std::optional<nlohmann::json> PromptCache::find(const std::string& key) const {
  if (options_.memory_entries > 0) {
    if (const auto text = Memory::instance().find(key)) return parsed(*text);
  }
  if (options_.directory.empty()) return std::nullopt;
  const CacheFolder folder(options_.directory, options_.disk_entries);
  const auto bytes = folder.read(key, most_bytes);
  if (!bytes) return std::nullopt;
  const auto text = gunzip(*bytes, most_bytes);
  auto row = text ? parsed(*text) : std::nullopt;
  if (!row) {
    folder.remove(key);
  } else if (options_.memory_entries > 0) {
    Memory::instance().keep(key, *text, options_.memory_entries);
  }
  return row;
}

void PromptCache::keep(const std::string& key, const nlohmann::json& row) const {
  std::string text = to_text(row);
  if (text.size() > most_bytes) return forget(key);
  if (!options_.directory.empty() && !CacheFolder(options_.directory, options_.disk_entries).write(key, gzip(text))) {
    report(Severity::info, ErrorCode::io, "a prompt could not be kept in BRAINTRUST_PROMPT_CACHE_DIR");
  }
  if (options_.memory_entries > 0) Memory::instance().keep(key, std::move(text), options_.memory_entries);
}

void PromptCache::forget(const std::string& key) const {
  Memory::instance().forget(key);
  if (!options_.directory.empty()) CacheFolder(options_.directory, options_.disk_entries).remove(key);
}

std::string prompt_cache_key(const pipeline::Settings& settings, const nlohmann::json& parts) {
  return sha256_hex(to_text({{"app_url", settings.app_url},
                             {"api_url", settings.api_url},
                             {"org_name", settings.org_name},
                             {"credential", sha256_hex(settings.api_key)},
                             {"prompt", parts}}));
}

}  // namespace braintrust::detail
