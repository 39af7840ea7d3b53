// What run.sh has C++ do beside the official JavaScript SDK: the same dataset written and read, evals over a dataset, and the
// same prompts filled in. Where, the environment says (BRAINTRUST_APP_URL); what came of it is printed as JSON. check.mjs
// judges.
//
//   interop_cases write CASES.json PROJECT DATASET      takes the steps of the file
//   interop_cases read PROJECT DATASET                  {"rows": […], "version", "total"}
//   interop_cases evaluate PROJECT DATASET EXPERIMENT   two evals, each a line: as the reporter of reporter.h tells it
//   interop_cases prompts CASES.json PROJECT            [{"request", "provenance"} or {"error"}, …]
//   interop_cases call COMMAND…                         a program that goes on with our trace, TRACEPARENT and BAGGAGE in its
//                                                       environment, and prints what we go on with, a JSON object
//
// Exit code 0: all could be done.

#include <cctype>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/api/dataset.h>
#include <braintrust/api/prompt.h>
#include <braintrust/core/diagnostics.h>
#include <braintrust/eval/eval.h>
#include <braintrust/eval/reporter.h>
#include <braintrust/trace/attachment.h>
#include <braintrust/trace/logger.h>
#include <braintrust/trace/propagation.h>

namespace {

using braintrust::Json;
using nlohmann::json;

template <class T>
T must(braintrust::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

json file(const std::string& path) {
  std::ifstream in(path);
  return json::parse(in);
}

std::string bytes_of(std::string_view hex) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
    unsigned char byte = 0;
    std::from_chars(hex.data() + at, hex.data() + at + 2, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += digits[byte / 16];
    hex += digits[byte % 16];
  }
  return hex;
}

// A value of the file, with its attachments made.
Json value_of(const json& value) {
  if (value.is_object() && value.contains("$attachment")) {
    const json& made = value["$attachment"];
    return to_json(braintrust::Attachment::bytes(
        bytes_of(made.at("hex").get_ref<const std::string&>()),
        {.filename = made.at("filename").get<std::string>(), .content_type = made.at("content_type").get<std::string>()}));
  }
  if (value.is_object()) {
    std::map<std::string, Json> members;
    for (const auto& [name, member] : value.items()) members.emplace(name, value_of(member));
    return Json(members);
  }
  if (value.is_array()) {
    std::vector<Json> elements;
    for (const json& element : value) elements.push_back(value_of(element));
    return Json(elements);
  }
  return Json(value);
}

// The other way: a value that was read, as the file would have it.
json read_value(const json& value) {
  if (value.is_object() && value.value("type", json()) == "braintrust_attachment") {
    const std::string bytes = must(braintrust::read_attachment(value));
    return {{"$attachment",
             {{"filename", value.at("filename")}, {"content_type", value.at("content_type")}, {"hex", hex_of(bytes)}}}};
  }
  if (!value.is_structured()) return value;
  json result = value;
  for (json& inner : result) inner = read_value(inner);
  return result;
}

braintrust::DatasetRecord record_of(const json& fields) {
  braintrust::DatasetRecord record{.id = fields.value("id", "")};
  if (fields.contains("input")) record.input = value_of(fields["input"]);
  if (fields.contains("expected")) record.expected = value_of(fields["expected"]);
  if (fields.contains("metadata")) record.metadata = value_of(fields["metadata"]);
  if (fields.contains("tags")) record.tags = fields["tags"].get<std::vector<std::string>>();
  return record;
}

void write(const json& steps, const std::string& project, const std::string& name) {
  const auto dataset = braintrust::init_dataset({.project = project, .name = name, .description = "made by the C++ SDK"});
  for (const json& step : steps) {
    if (step.contains("insert")) {
      const auto record = record_of(step["insert"]);
      const std::string id = dataset.insert(record);
      if (id.empty() || (!record.id.empty() && id != record.id)) throw std::runtime_error("insert returned the id " + id);
    } else if (step.contains("update")) {
      dataset.update(step["update"].at("id").get<std::string>(), record_of(step["update"]));
    } else if (step.contains("remove")) {
      dataset.remove(step["remove"].get<std::string>());
    } else if (!dataset.flush().complete()) {
      throw std::runtime_error("rows did not arrive");
    }
  }
  if (!dataset.flush().complete()) throw std::runtime_error("rows did not arrive");
}

json read(const std::string& project, const std::string& name) {
  // Two rows a page: they come by several.
  const auto dataset = braintrust::init_dataset({.project = project, .name = name, .page_rows = 2});
  json rows = json::array();
  for (const auto& found : dataset) {
    const braintrust::DatasetRow row = must(found);
    rows.push_back({{"id", row.id},
                    {"input", read_value(row.input)},
                    {"expected", row.expected},
                    {"metadata", row.metadata},
                    {"tags", row.tags},
                    {"_xact_id", row.version}});
  }
  return {{"rows", rows}, {"version", must(dataset.version())}, {"total", must(dataset.summarize()).total_records}};
}

// Answers what is expected, where the case is of `level`. What nothing is expected of has no grade.
void evaluate(const std::string& project, const std::string& name, const std::string& experiment, const std::string& level) {
  const auto result = braintrust::Eval(
      project,
      {.data = braintrust::init_dataset({.project = project, .name = name, .page_rows = 2}),
       .task =
           [level](const json&, braintrust::EvalHooks& hooks) {
             const auto step = braintrust::start_span("step", {.type = braintrust::SpanType::function, .input = level});
             return hooks.metadata.value("level", "") == level ? hooks.expected : json("?");
           },
       .scores = {{"exact",
                   [](const braintrust::ScorerArgs& args) {
                     return args.expected.is_null() ? std::optional<bool>() : args.output == args.expected;
                   }},
                  {"graded",
                   [](const braintrust::ScorerArgs& args) {
                     return braintrust::Score{.name = "half", .score = 0.5, .metadata = {{"level", args.metadata["level"]}}};
                   }}},
       .classifiers = {{"kind",
                        [](const braintrust::ScorerArgs& args) {
                          return braintrust::Classification{.id = args.input.type_name(), .label = "größe"};
                        }}},
       .experiment_name = experiment,
       .max_concurrency = 3,
       .metadata = {{"level", level}},
       .reporter = braintrust::terminal_reporter({.jsonl = true})});
  if (!result.ok()) throw std::runtime_error(result.error ? result.error->message : "cases failed");
}

json prompts(const json& given, const std::string& project) {
  json all = json::array();
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto prompt = must(braintrust::load_prompt(
        {.project = project, .slug = "prompt-" + std::to_string(i), .defaults = given[i].value("defaults", json())}));
    const auto built = prompt.build(
        given[i].at("variables"), {.strict = given[i].value("strict", false), .messages = given[i].value("messages", json())});
    if (built) {
      all.push_back({{"request", built->request}, {"provenance", built->provenance}});
    } else {
      all.push_back({{"error", built.error().message}});
    }
  }
  return all;
}

// The headers of a trace as variables of the environment.
void put_into_environment(const std::map<std::string, std::string>& headers) {
  for (const auto& [name, value] : headers) {
    std::string variable = name;
    for (char& c : variable) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    ::setenv(variable.c_str(), value.c_str(), 1);
  }
}

void call(const std::string& command) {
  const auto logger = braintrust::init_logger({.project = "Interop: join, 100% größer"});
  auto span = logger.start_span("call from C++");
  std::map<std::string, std::string> sent;
  braintrust::inject_trace_context(sent);
  put_into_environment(sent);
  std::string printed(4096, '\0');
  FILE* const program = ::popen(command.c_str(), "r");
  if (program == nullptr) throw std::runtime_error("cannot start " + command);
  printed.resize(std::fread(printed.data(), 1, printed.size(), program));
  if (::pclose(program) != 0) throw std::runtime_error(command + " did not succeed");
  const auto received = json::parse(printed).get<std::map<std::string, std::string>>();
  // As another service would: nothing but the headers says where it belongs.
  const auto other = braintrust::init_logger({.project = "not this one", .set_current = false});
  const auto context = braintrust::extract_trace_context(received);
  if (!context) throw std::runtime_error("no trace in " + printed);
  other.start_span("answer from C++", {.parent = context}).end();
  if (!other.flush().complete()) throw std::runtime_error("the answer did not arrive");
}

int run(const std::vector<std::string>& args) {
  const std::string command = args.empty() ? "" : args[0];
  if (command == "write" && args.size() == 4) {
    write(file(args[1]).at("steps"), args[2], args[3]);
  } else if (command == "read" && args.size() == 3) {
    std::cout << read(args[1], args[2]) << '\n';
  } else if (command == "evaluate" && args.size() == 4) {
    evaluate(args[1], args[2], args[3], "easy");
    evaluate(args[1], args[2], args[3], "hard");
  } else if (command == "prompts" && args.size() == 3) {
    std::cout << prompts(file(args[1]).at("prompts"), args[2]) << '\n';
  } else if (command == "call" && args.size() > 1) {
    std::string line;
    for (std::size_t i = 1; i < args.size(); ++i) line += (i > 1 ? " " : "") + args[i];
    call(line);
  } else {
    std::fputs("usage: interop_cases write|read|evaluate|prompts|call …\n", stderr);
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  // Attachments are kept only while there is a logger.
  const auto logger = braintrust::init_logger({.project = "Interop"});
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "interop_cases: %s\n", error.what());
    return 1;
  }
}
