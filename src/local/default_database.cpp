#include "local/default_database.h"

#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace braintrust::local {

Result<std::string> default_database() {
  const auto environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string_view(value ? value : "");
  };
  // The specification: a path that is not absolute is ignored.
  if (const auto data = environment("XDG_DATA_HOME"); data.starts_with('/')) return fmt::format("{}/braintrust/local.db", data);
  if (const auto home = environment("HOME"); !home.empty()) return fmt::format("{}/.local/share/braintrust/local.db", home);
  return Error{ErrorCode::io, "neither XDG_DATA_HOME nor HOME is set; name a file with --db"};
}

Result<std::string> make_default_database() {
  auto path = default_database();
  if (!path) return path;
  const auto folder = std::filesystem::path(*path).parent_path();
  std::error_code error;
  const bool made = std::filesystem::create_directories(folder, error);
  if (error) return Error{ErrorCode::io, fmt::format("cannot make {}: {}", folder.string(), error.message())};
  if (made) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  return path;
}

}  // namespace braintrust::local
