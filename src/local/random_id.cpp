#include "local/random_id.h"

#include <random>

#include <fmt/format.h>

namespace braintrust::local {

std::string random_hex(int bytes) {
  // Also makes the tokens of uploads, hence the system's own source instead of a generator.
  std::random_device device;
  std::string text;
  for (int i = 0; i < bytes; ++i) text += fmt::format("{:02x}", device() & 0xffU);
  return text;
}

std::string random_uuid() {
  auto hex = random_hex(16);
  hex[12] = '4';
  hex[16] = "89ab"[static_cast<unsigned char>(hex[16]) % 4];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20));
}

}  // namespace braintrust::local
