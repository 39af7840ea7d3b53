#include "core/env_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "core/environment.h"

namespace braintrust::detail {
namespace {

constexpr std::array<std::string_view, 8> allowed = {
    "BRAINTRUST_API_KEY",    "BRAINTRUST_APP_URL",  "BRAINTRUST_API_URL",          "BRAINTRUST_PROJECT",
    "BRAINTRUST_PROJECT_ID", "BRAINTRUST_ORG_NAME", "BRAINTRUST_ENVIRONMENT_TYPE", "BRAINTRUST_ENVIRONMENT_NAME",
};
constexpr int most_places = 65;
constexpr std::uintmax_t most_bytes = 1 << 20;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool is_name(std::string_view text) {
  if (text.empty() || !is_letter(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

bool is_space(char c) { return c == ' ' || c == '\t'; }

// Nothing but white space or a comment may follow a closing quote.
bool ends_here(std::string_view rest) {
  rest = trimmed(rest);
  return rest.empty() || rest.front() == '#';
}

// `text` begins after the opening quote. Backslashes speak in double quotes only.
std::optional<std::string> quoted_value(std::string_view text, char quote) {
  std::string value;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == quote) return ends_here(text.substr(at + 1)) ? std::optional(value) : std::nullopt;
    if (quote == '"' && text[at] == '\\' && at + 1 < text.size()) {
      switch (const char letter = text[++at]) {
        case 'n':
          value += '\n';
          break;
        case 'r':
          value += '\r';
          break;
        case 't':
          value += '\t';
          break;
        case '"':
        case '\\':
        case '$':
          value += letter;
          break;
        default:
          value += {'\\', letter};
      }
    } else {
      value += text[at];
    }
  }
  return std::nullopt;
}

// A `#` begins a comment where a word could begin, so that a value may hold one.
std::string plain_value(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '#' && (at == 0 || is_space(text[at - 1]))) return std::string(trimmed(text.substr(0, at)));
  }
  return std::string(trimmed(text));
}

// False when the line is no assignment.
bool read_line(std::string_view line, EnvFile& values) {
  line = trimmed(line);
  if (line.empty() || line.front() == '#') return true;
  constexpr std::string_view export_word = "export";
  if (line.starts_with(export_word) && line.size() > export_word.size() && is_space(line[export_word.size()])) {
    line = trimmed(line.substr(export_word.size()));
  }
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = trimmed(line.substr(0, equals));
  if (!is_name(name)) return false;
  const std::string_view text = trimmed(line.substr(equals + 1));
  const bool quoted = !text.empty() && (text.front() == '"' || text.front() == '\'');
  const auto value = quoted ? quoted_value(text.substr(1), text.front()) : std::optional(plain_value(text));
  if (!value) return false;
  if (std::find(allowed.begin(), allowed.end(), name) == allowed.end()) return true;
  if (is_blank(*value)) {
    values.erase(std::string(name));
  } else {
    values.insert_or_assign(std::string(name), *value);
  }
  return true;
}

EnvFile read_file(const std::filesystem::path& path) {
  std::error_code error;
  // A directory or a pipe of that name is a file that cannot be read.
  if (!std::filesystem::is_regular_file(path, error) || error) return {};
  if (std::filesystem::file_size(path, error) > most_bytes || error) return {};
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return {};
  return parse_env_file(text).value_or(EnvFile{});
}

}  // namespace

EnvFile find_env_file(const std::string& working_directory) try {
  if (is_blank(working_directory)) return {};
  std::filesystem::path directory(working_directory);
  if (!directory.has_filename()) directory = directory.parent_path();  // "/a/b/"
  for (int place = 0; place < most_places; ++place) {
    const std::filesystem::path candidate = directory / ".env.braintrust";
    std::error_code error;
    const auto status = std::filesystem::status(candidate, error);
    if (std::filesystem::exists(status)) return read_file(candidate);
    if (status.type() != std::filesystem::file_type::not_found) return {};  // the file system does not let us look
    const std::filesystem::path parent = directory.parent_path();
    if (parent == directory || parent.empty()) return {};
    directory = parent;
  }
  return {};
} catch (...) {  // discovery never breaks setup
  return {};
}

std::optional<EnvFile> parse_env_file(std::string_view text) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  EnvFile values;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (!read_line(text.substr(0, end), values)) return std::nullopt;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return values;
}

}  // namespace braintrust::detail
