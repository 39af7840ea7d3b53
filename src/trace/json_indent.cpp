#include "trace/json_indent.h"

#include "core/json_scan.h"

namespace braintrust::detail {

std::string indented(std::string_view json) {
  std::string out;
  out.reserve(json.size() + json.size() / 2);
  std::size_t depth = 0;
  const auto new_line = [&] {
    out += '\n';
    out.append(2 * depth, ' ');
  };
  for (std::size_t at = 0; at < json.size();) {
    const char c = json[at];
    switch (c) {
      case ' ':
      case '\n':
      case '\r':
      case '\t':
        break;
      case '{':
      case '[': {
        out += c;
        const std::size_t next = json.find_first_not_of(" \n\r\t", at + 1);
        if (json[next] == '}' || json[next] == ']') {
          out += json[next];
          at = next;
        } else {
          ++depth;
          new_line();
        }
        break;
      }
      case '}':
      case ']':
        --depth;
        new_line();
        out += c;
        break;
      case ',':
        out += c;
        new_line();
        break;
      case ':':
        out += ": ";
        break;
      case '"': {
        const std::size_t end = skip_value(json, at);
        out += json.substr(at, end - at);
        at = end;
        continue;
      }
      default:
        out += c;
    }
    ++at;
  }
  return out;
}

}  // namespace braintrust::detail
