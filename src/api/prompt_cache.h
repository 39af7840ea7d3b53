#pragma once

// `PromptCache`: copies of prompts as they last came from the server, for when it cannot be asked.
//
// Two layers: memory, of this process, and a folder of gzip files, of all processes of a user. Written on every success; read
// by load_prompt only after failures that pass. Keys hold the host, the organisation and a hash of the credential, and are
// hashed again for names of files: a prompt never crosses from one account to another, and no name or file tells a key.
//
// Threads: any. Errors: none; a file that is broken is removed. Source: PROTO 1.2, 16.

#include <cstddef>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "core/environment.h"
#include "pipeline/settings.h"

namespace braintrust::detail {

struct PromptCacheOptions {
  std::size_t memory_entries = 1024;  // 0: this layer is off
  std::size_t disk_entries = std::size_t{1} << 20;
  std::string directory = {};  // blank: the disk is not used
};

PromptCacheOptions prompt_cache_options(const Environment& environment);

class PromptCache {
 public:
  explicit PromptCache(PromptCacheOptions options) : options_(std::move(options)) {}

  std::optional<nlohmann::json> find(const std::string& key) const;
  void keep(const std::string& key, const nlohmann::json& row) const;
  void forget(const std::string& key) const;

 private:
  const PromptCacheOptions options_;
};

// `parts` name the prompt within the account that `settings` name.
std::string prompt_cache_key(const pipeline::Settings& settings, const nlohmann::json& parts);

}  // namespace braintrust::detail
