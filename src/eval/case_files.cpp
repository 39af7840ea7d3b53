// Cases in files: JSON lines and comma-separated values, read as they are asked for. What is held at a time is one case.

#include <braintrust/eval/case.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/environment.h"
#include "core/json_member.h"
#include "core/json_scan.h"
#include "core/quantity_text.h"
#include "core/utf8.h"
#include "eval/json_values.h"

namespace braintrust {
namespace {

using nlohmann::json;
using Case = Result<std::optional<EvalCase>>;

constexpr std::size_t most_case_bytes = 16 << 20;  // what case.h says
constexpr std::size_t most_columns = 4096;

// A name out of a file, fit to stand in a sentence.
std::string shown(std::string_view text) {
  constexpr std::size_t most = 60;
  return detail::to_text(json(std::string(text.substr(0, most)))) + (text.size() > most ? "…" : "");
}

// A file, byte by byte, and the line that the next one is in.
class CaseFile {
 public:
  static constexpr int end = -1;

  explicit CaseFile(std::string path) : path_(std::move(path)) {}
  ~CaseFile() { close(); }
  CaseFile(const CaseFile&) = delete;
  CaseFile& operator=(const CaseFile&) = delete;

  // Reads something at once: a folder can be opened, too.
  Result<void> open() {
    file_ = std::fopen(path_.c_str(), "rbe");
    if (file_ == nullptr) return Error{ErrorCode::io, fmt::format("cannot open {}: {}", path_, std::strerror(errno))};
    fill();
    if (failure_ != 0) return unreadable();
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (std::string_view(buffer_.data(), filled_).starts_with(byte_order_mark)) at_ = byte_order_mark.size();
    return {};
  }
  // Nothing more is read.
  void close() {
    if (file_ != nullptr) std::fclose(file_);
    file_ = nullptr;
    at_ = filled_ = 0;
    failure_ = 0;
  }

  int peek() {
    if (at_ == filled_) fill();
    return at_ == filled_ ? end : static_cast<unsigned char>(buffer_[at_]);
  }
  int get() {
    const int byte = peek();
    if (byte == end) return end;
    ++at_;
    // LF, CR and CRLF end a line.
    if (byte == '\r' || (byte == '\n' && before_ != '\r')) ++line_;
    before_ = byte;
    return byte;
  }
  // Appends what stands before the next of `stops`, which hold the line ends: `most` bytes at most. Returns how many.
  std::size_t take(std::string_view stops, std::size_t most, std::string& into) {
    std::size_t taken = 0;
    while (taken < most && peek() != end) {
      const auto rest = std::string_view(buffer_.data(), filled_).substr(at_, most - taken);
      const std::size_t size = std::min(rest.find_first_of(stops), rest.size());
      if (size == 0) break;
      into += rest.substr(0, size);
      before_ = rest[size - 1];
      at_ += size;
      taken += size;
    }
    return taken;
  }
  std::size_t line() const { return line_; }

  bool failed() const { return failure_ != 0; }
  Error unreadable() const {
    return {ErrorCode::io,
            fmt::format("{} cannot be read any further than line {}: {}", path_, line_, std::strerror(failure_))};
  }
  Error refused(std::size_t line, std::string_view problem) const {
    return {ErrorCode::invalid_argument, fmt::format("{}:{}: {}", path_, line, problem)};
  }

 private:
  void fill() {
    at_ = filled_ = 0;
    if (file_ == nullptr) return;
    filled_ = std::fread(buffer_.data(), 1, buffer_.size(), file_);
    if (filled_ == 0 && std::ferror(file_) != 0) failure_ = errno;
  }

  std::string path_;
  std::FILE* file_ = nullptr;
  int failure_ = 0;
  std::size_t line_ = 1;
  int before_ = 0;
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
  std::array<char, 65536> buffer_{};
};

// The cases of a file, by a function that reads the next one. What it cannot read is the end.
template <class Read>
EvalData::Next cases_of(std::shared_ptr<CaseFile> file, Read read) {
  return [file = std::move(file), read = std::move(read)]() -> Case {
    Case next = read(*file);
    if (!next || !*next) file->close();
    return next;
  };
}

// JSON lines.

// "" or what is wrong with the value.
std::string put_member(EvalCase& into, const std::string& key, json value) {
  if (key == "input") {
    into.input = std::move(value);
  } else if (key == "expected") {
    if (!value.is_null()) into.expected = std::move(value);
  } else if (key == "metadata") {
    if (!value.is_object() && !value.is_null()) return "metadata must be an object";
    into.metadata = std::move(value);
  } else if (key == "tags") {
    if (value.is_null()) return "";
    const auto is_text = [](const json& tag) { return tag.is_string(); };
    if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_text)) return "tags must be a list of texts";
    into.tags = value.get<std::vector<std::string>>();
  } else if (key == "id") {
    if (!value.is_string() && !value.is_null()) return "id must be a text";
    if (value.is_string()) into.id = value.get<std::string>();
  } else if (key == "trial_count") {
    constexpr auto most = std::numeric_limits<unsigned>::max();
    if (value.is_null()) return "";
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most) return "trial_count must be a whole number";
    into.trial_count = value.get<unsigned>();
  } else {
    return fmt::format(
        "{} is no part of a case, which has input, expected, metadata, tags, id and trial_count: what else there is belongs "
        "into "
        "its metadata",
        shown(key));
  }
  return "";
}

Case case_of_line(const CaseFile& file, std::size_t line, std::string_view text) {
  if (const auto problem = detail::first_problem(text, detail::Numbers::finite)) {
    return file.refused(line, fmt::format("this is no JSON from byte {} on; each line must hold one object", *problem + 1));
  }
  const auto members = detail::members_of(text);
  if (!members) return file.refused(line, R"(each line must hold an object, as {"input": …, "expected": …})");
  EvalCase read;
  std::set<std::string> keys;
  for (const auto& [raw_key, value] : *members) {
    const std::string key = detail::unescape(raw_key);
    if (!keys.insert(key).second) return file.refused(line, shown(key) + " is there twice");
    if (const auto problem = put_member(read, key, json::parse(value, nullptr, false)); !problem.empty()) {
      return file.refused(line, problem);
    }
  }
  if (!keys.contains("input")) return file.refused(line, R"(the case has no "input")");
  return std::optional(std::move(read));
}

Case next_json_case(CaseFile& file) {
  for (;;) {
    const std::size_t line = file.line();
    std::string text;
    file.take("\r\n", most_case_bytes, text);
    const int byte = file.get();
    if (byte != CaseFile::end && byte != '\r' && byte != '\n') {
      return file.refused(line, "longer than 16 MiB: each line must hold one case");
    }
    if (file.failed()) return file.unreadable();
    if (!detail::is_blank(text)) return case_of_line(file, line, text);
    if (byte == CaseFile::end) return std::optional<EvalCase>();
  }
}

// Comma-separated values. The parsers that are packaged want the columns at compile time (fast-cpp-csv-parser) or forgive what
// is no CSV (libcsv).

struct Record {
  std::size_t line = 0;                  // that it begins in
  std::vector<std::string> values = {};  // the first `most_values`
  std::size_t count = 0;
};

void add(Record& record, std::string value, std::size_t most_values) {
  if (record.values.size() < most_values) record.values.push_back(std::move(value));
  ++record.count;
}

Result<std::optional<Record>> next_record(CaseFile& file, std::size_t most_values) {
  while (file.peek() == '\n' || file.peek() == '\r') file.get();  // blank lines, and the LF of a CRLF
  Record record{.line = file.line()};
  if (file.peek() == CaseFile::end) {
    if (file.failed()) return file.unreadable();
    return std::optional<Record>();
  }
  enum class In { nothing, value, quotes, closed_quotes } in = In::nothing;
  std::string value;
  std::size_t quoted_from = 0;  // line
  for (std::size_t size = 0;;) {
    if (in != In::closed_quotes) {
      const std::size_t taken = file.take(in == In::quotes ? "\"\r\n" : ",\"\r\n", most_case_bytes - size, value);
      if (in == In::nothing && taken != 0) in = In::value;
      size += taken;
    }
    const std::size_t line = file.line();
    const int byte = file.get();
    if (file.failed()) return file.unreadable();
    const bool at_end = byte == CaseFile::end || byte == '\n' || byte == '\r';
    if (in != In::quotes && at_end) {
      add(record, std::move(value), most_values);
      return std::optional(std::move(record));
    }
    if (byte == CaseFile::end) return file.refused(quoted_from, "a quote is opened and never closed");
    if (size++ == most_case_bytes) {
      return in == In::quotes
                 ? file.refused(quoted_from, "a value in quotes makes the case longer than 16 MiB: is a closing quote missing?")
                 : file.refused(record.line, "longer than 16 MiB: each line must hold one case");
    }
    if (in == In::quotes) {
      if (byte == '"') {
        in = In::closed_quotes;
      } else {
        value += static_cast<char>(byte);
      }
    } else if (byte == ',') {
      add(record, std::exchange(value, {}), most_values);
      in = In::nothing;
    } else if (in == In::value) {
      return file.refused(line, "a quote within a value: put the value in quotes, and write the quote twice");
    } else if (byte == '"') {
      if (in == In::closed_quotes) value += '"';
      if (in == In::nothing) quoted_from = line;
      in = In::quotes;
    } else {
      return file.refused(line, "text after a closing quote: a quote that is part of a value must be written twice");
    }
  }
}

struct Column {
  enum class Part { input, expected, metadata, tags, id } part = Part::metadata;
  std::string member = {};  // of the part. Blank: all of it
};

Column column_of(const std::string& name) {
  using Part = Column::Part;
  if (name == "tags") return {Part::tags};
  if (name == "id") return {Part::id};
  for (const auto& [whole, part] :
       {std::pair("input", Part::input), {"expected", Part::expected}, {"metadata", Part::metadata}}) {
    const auto length = std::strlen(whole);
    if (!name.starts_with(whole)) continue;
    if (name.size() == length) return {part};
    if (name[length] == '.' && name.size() > length + 1) return {part, name.substr(length + 1)};
  }
  return {Part::metadata, name};
}

Result<std::vector<Column>> read_columns(CaseFile& file) {
  const auto header = next_record(file, most_columns);
  if (!header) return header.error();
  if (!*header) return file.refused(1, "the first line must name the columns, as input,expected");
  const auto& [line, names, count] = **header;
  if (count > most_columns) return file.refused(line, fmt::format("more than {} columns", most_columns));
  std::vector<Column> columns;
  std::set<std::pair<Column::Part, std::string>> seen;
  for (const auto& name : names) {
    if (!utf8::is_valid(name)) return file.refused(line, "the columns are not named in UTF-8: save the file as UTF-8");
    if (detail::is_blank(name)) return file.refused(line, fmt::format("column {} has no name", columns.size() + 1));
    columns.push_back(column_of(name));
    if (!seen.emplace(columns.back().part, columns.back().member).second) {
      return file.refused(line, fmt::format("column {} is there twice", shown(name)));
    }
  }
  using Part = Column::Part;
  const auto whole = [&](Part part) { return seen.contains({part, ""}); };
  const auto members = [&](Part part) {
    return std::any_of(columns.begin(), columns.end(),
                       [&](const Column& column) { return column.part == part && !column.member.empty(); });
  };
  if (!whole(Part::input) && !members(Part::input)) {
    return file.refused(line, "no column is named input: the first line must name the columns");
  }
  for (const auto& [part, name] : {std::pair(Part::input, "input"), {Part::expected, "expected"}}) {
    if (whole(part) && members(part)) return file.refused(line, fmt::format("columns {0} and {0}.… exclude each other", name));
  }
  return columns;
}

// "" or what is wrong with the value.
std::string put_value(EvalCase& into, const Column& column, std::string value) {
  using Part = Column::Part;
  if (!utf8::is_valid(value)) return "a value is not UTF-8: save the file as UTF-8";
  if (column.part == Part::id) {
    into.id = std::move(value);
  } else if (column.part == Part::tags) {
    for (std::string_view rest = value; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (const auto tag = detail::trimmed(rest.substr(0, comma)); !tag.empty()) into.tags.emplace_back(tag);
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  } else if (column.part == Part::input) {
    (column.member.empty() ? into.input : into.input[column.member]) = std::move(value);
  } else if (column.part == Part::expected) {
    if (value.empty()) return "";  // a file has no other way to say that nothing is expected
    (column.member.empty() ? into.expected : into.expected[column.member]) = std::move(value);
  } else if (!column.member.empty()) {
    into.metadata[column.member] = std::move(value);
  } else if (!detail::is_blank(value)) {
    auto members = eval::parsed(value);
    if (!members || !members->is_object()) return R"(metadata must be blank or a JSON object, as "{""topic"": ""x""}")";
    into.metadata = std::move(*members);
  }
  return "";
}

Case next_csv_case(CaseFile& file, const std::vector<Column>& columns) {
  auto record = next_record(file, columns.size());
  if (!record) return record.error();
  if (!*record) return std::optional<EvalCase>();
  auto& [line, values, count] = **record;
  if (count != columns.size()) {
    return file.refused(
        line, fmt::format("{} for {}: a value with a comma must stand in quotes", detail::counted(count, "value", "values"),
                          detail::counted(columns.size(), "column", "columns")));
  }
  EvalCase read;
  // The whole of the metadata comes before the members that other columns add to it, or would overwrite.
  for (const bool members : {false, true}) {
    for (std::size_t i = 0; i < count; ++i) {
      const Column& column = columns[i];
      if (column.member.empty() == members) continue;
      if (column.part == Column::Part::metadata && members && read.metadata.contains(column.member)) {
        return file.refused(line, fmt::format("the metadata has {}, and so has a column", shown(column.member)));
      }
      if (const auto problem = put_value(read, column, std::move(values[i])); !problem.empty())
        return file.refused(line, problem);
    }
  }
  return std::optional(std::move(read));
}

}  // namespace

EvalData jsonl_file(std::string path) {
  return EvalData([path = std::move(path)](const EvalDataContext&) -> Result<EvalData::Next> {
    auto file = std::make_shared<CaseFile>(path);
    if (const auto opened = file->open(); !opened) return opened.error();
    return cases_of(std::move(file), next_json_case);
  });
}

EvalData csv_file(std::string path) {
  return EvalData([path = std::move(path)](const EvalDataContext&) -> Result<EvalData::Next> {
    auto file = std::make_shared<CaseFile>(path);
    if (const auto opened = file->open(); !opened) return opened.error();
    auto columns = read_columns(*file);
    if (!columns) return columns.error();
    return cases_of(std::move(file), [columns = std::move(*columns)](CaseFile& rest) { return next_csv_case(rest, columns); });
  });
}

}  // namespace braintrust
