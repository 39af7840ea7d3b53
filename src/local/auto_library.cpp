#include "local/auto_library.h"

#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

namespace braintrust::local {

Result<std::string> preload_with_auto_library() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto folder = program.parent_path();
  for (const char* const place : {"../" BRAINTRUST_LIBDIR, ".", "../auto"}) {
    const auto library = (folder / place / "libbraintrust_auto.so").lexically_normal();
    if (error || !std::filesystem::exists(library, error)) continue;
    if (library.native().find_first_of(" :") != std::string::npos) {
      return Error{ErrorCode::invalid_argument,
                   fmt::format("LD_PRELOAD cannot name {}: there is a space or a colon in it", library.native())};
    }
    const char* const former = std::getenv("LD_PRELOAD");
    return former != nullptr && *former != '\0' ? library.native() + ":" + former : library.native();
  }
  return Error{ErrorCode::not_found, "libbraintrust_auto.so is not there; it is built on Linux, with BRAINTRUST_BUILD_AUTO=ON"};
}

}  // namespace braintrust::local
