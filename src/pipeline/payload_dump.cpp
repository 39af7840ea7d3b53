#include "pipeline/payload_dump.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include <braintrust/core/diagnostics.h>

namespace braintrust::pipeline {

void dump_payload(const std::string& directory, std::string_view body, Jitter& jitter) {
  if (directory.empty()) return;
  std::error_code error;
  const std::filesystem::path folder(directory);
  std::filesystem::create_directories(folder, error);
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const std::string name = fmt::format("payload_{}_{:08x}.json", seconds, jitter.next() >> 32);
  const std::filesystem::path unfinished = folder / ("." + name + ".part");
  {
    std::ofstream file(unfinished, std::ios::binary);
    file.write(body.data(), static_cast<std::streamsize>(body.size()));
    file.close();
    if (file) std::filesystem::rename(unfinished, folder / name, error);
    if (file && !error) return;
  }
  std::filesystem::remove(unfinished, error);
  detail::report(Severity::error, ErrorCode::io, fmt::format("cannot write a payload to {}", directory));
}

}  // namespace braintrust::pipeline
