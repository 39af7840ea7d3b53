// `.env.braintrust`: whatever stands in it gives values of allowed names, or nothing.

#include "core/env_file.h"
#include "core/environment.h"
#include "fuzz/fuzz.h"

std::vector<std::string> fuzz_seeds() {
  return {
      "BRAINTRUST_API_KEY=sk-123\nexport BRAINTRUST_PROJECT=\"My \\\"App\\\" \\$1\\n\" # comment\n",
      "\xEF\xBB\xBF# comment\r\n\r\n  BRAINTRUST_APP_URL = 'https://x/#y' \r\nOTHER=1\r\n",
      "BRAINTRUST_ORG_NAME=\nBRAINTRUST_ORG_NAME=a#b #c\nBRAINTRUST_API_URL=\"\"",
  };
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace braintrust;
  using namespace braintrust::fuzz;
  const std::string_view text = as_text(data, size);
  const auto values = detail::parse_env_file(text);
  if (!values) return 0;
  std::string written;
  for (const auto& [name, value] : *values) {
    must(name.starts_with("BRAINTRUST_"), "only allowed names are handed out", name);
    must(!detail::is_blank(value), "blank values are left out", name);
    written += "export " + name + " = \"";
    for (const char c : value) {
      switch (c) {
        case '\n':
          written += "\\n";
          break;
        case '"':
        case '\\':
        case '$':
          written += '\\';
          [[fallthrough]];
        default:
          written += c;
      }
    }
    written += "\" # as it was\r\n";
  }
  must(detail::parse_env_file(written) == values, "quoted and escaped, a value is read again", written);
  return 0;
}
