// Files of cases: whatever stands in one gives cases and at most one error, and the cases, written again, are read again.

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <braintrust/eval/case.h>

#include "fuzz/fuzz.h"

namespace {

using namespace braintrust;
using nlohmann::json;

// In the folder for temporary files; gone at the end.
class File {
 public:
  File() = default;
  ~File() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  // Another file each time: some file systems wait for the disk where one is overwritten.
  const std::string& with(std::string_view text) const {
    std::filesystem::remove(path_);
    std::ofstream(path_, std::ios::binary) << text;
    return path_;
  }

 private:
  std::string path_ = (std::filesystem::temp_directory_path() / ("case_files_fuzz." + std::to_string(::getpid()))).string();
};

json told(const EvalCase& one) {
  json result{{"input", one.input}, {"metadata", one.metadata}, {"tags", one.tags}, {"id", one.id}};
  if (!one.expected.is_null()) result["expected"] = one.expected;
  if (one.trial_count != 0) result["trial_count"] = one.trial_count;
  return result;
}

std::vector<json> cases_of(const EvalData& data, bool& complete) {
  std::vector<json> cases;
  auto next = data.open({});
  complete = next.has_value();
  if (!next) return cases;
  for (;;) {
    auto one = (*next)();
    if (one && *one) {
      cases.push_back(told(**one));
      continue;
    }
    complete = one.has_value();
    if (!one) fuzz::must(one.error().message.size() < 1000, "an error is short", one.error().message);
    one = (*next)();
    fuzz::must(one && !*one, "the end is the end");
    return cases;
  }
}

std::string in_quotes(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) result.append(c == '"' ? 2 : 1, c);
  return result + "\"";
}

std::string as_jsonl(const std::vector<json>& cases) {
  std::string text;
  for (const auto& one : cases) text += one.dump() + "\r\n";
  return text;
}

// What a column named "input" and others that are not spread give.
std::string as_csv(const std::vector<json>& cases) {
  std::string text = "expected,id,tags,metadata,input\r\n";
  for (const auto& one : cases) {
    std::string tags;
    for (const auto& tag : one["tags"]) tags += tag.get<std::string>() + ",";
    text += in_quotes(one.value("expected", "")) + "," + in_quotes(one["id"]) + "," + in_quotes(tags) + "," +
            in_quotes(one["metadata"].is_null() ? "" : one["metadata"].dump()) + "," + in_quotes(one["input"]) + "\r\n";
  }
  return text;
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  return {
      std::string(1, '\0') +
          "{\"input\": {\"a\": [1, null]}, \"expected\": \"x\", \"tags\": [\"t\"]}\n\n"
          "{\"input\": 1, \"metadata\": {\"m\": 1}, \"id\": \"7\", \"trial_count\": 3}\r\n{\"inputs\": 1}",
      "\x01\xEF\xBB\xBFinput,expected,tags,metadata,id\r\n\"a, \"\"b\"\"\r\nc\",d,\"t, u\",\"{\"\"m\"\": 1}\",7\r\n\r\nx,,,,\n",
      "\x01input.a,input.b,expected.c,topic,metadata.n\n1,2,3,4,5\n,,,,\n\"\",\"\n\",x,y,z\n",
      "\x01input\n\"\"\n\"open",
  };
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const File file;
  if (size == 0) return 0;
  const bool csv = fuzz::kind_of(data[0], 2) == 1;
  const auto& path = file.with(fuzz::as_text(data + 1, size - 1));
  bool complete = false;
  const auto cases = cases_of(csv ? csv_file(path) : jsonl_file(path), complete);

  const std::string written = as_jsonl(cases);
  const auto again = cases_of(jsonl_file(file.with(written)), complete);
  fuzz::must(complete && again == cases, "cases written as JSON lines are read again", written);
  const auto fits_columns = [](const json& one) {
    return one["input"].is_string() && one.value("expected", json("")).is_string();
  };
  if (csv && std::all_of(cases.begin(), cases.end(), fits_columns)) {
    const std::string values = as_csv(cases);
    const auto from_csv = cases_of(csv_file(file.with(values)), complete);
    fuzz::must(complete && from_csv == cases, "cases written as CSV are read again", values);
  }
  return 0;
}
