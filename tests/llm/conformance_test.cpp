// Recorded traffic of real providers, which lies outside this repository: BRAINTRUST_CONFORMANCE names its folder, as a CMake
// variable or in the environment. Where it is missing the test says so and is skipped. What is expected is in the recordings;
// the rules of comparison are INST 27.5 and the README beside them.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "core/base64.h"
#include "llm/exchange.h"

namespace braintrust::llm {
namespace {

namespace fs = std::filesystem;
using Problems = std::vector<std::string>;

fs::path conformance_folder() {
  const char* const named = std::getenv("BRAINTRUST_CONFORMANCE");
  return named != nullptr && *named != '\0' ? named : BRAINTRUST_CONFORMANCE;
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  if (!fs::exists(folder)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// --- matching (INST 27.4 to 27.6) ---

bool is_matcher(const Tree& expected) {
  return expected.is_object() && expected.size() == 1 && expected.begin().key().starts_with("$");
}

bool holds(const std::string& predicate, const Tree& actual) {
  if (predicate == "is_non_negative_number") return actual.is_number() && actual.get<double>() >= 0;
  if (predicate == "is_positive_number") return actual.is_number() && actual.get<double>() > 0;
  if (predicate == "is_non_empty_string") return actual.is_string() && !actual.get<std::string>().empty();
  if (predicate == "undefined_or_null") return actual.is_null();
  if (predicate == "is_reasoning_message") {
    if (!actual.is_array()) return false;
    for (const Tree& part : actual) {
      if (part.value("type", "") != "summary_text" || part.value("text", "").empty()) return false;
    }
    return true;
  }
  throw std::runtime_error("unknown predicate " + predicate);
}

void compare(const Tree& actual, const Tree& expected, const std::string& at, Problems& problems) {
  const auto fail = [&](const std::string& what) {
    problems.push_back(at + ": " + what + ", but it is " + actual.dump().substr(0, 300));
  };
  if (is_matcher(expected)) {
    const std::string name = expected.begin().key();
    const Tree& argument = expected.begin().value();
    if (name == "$or") {
      for (const Tree& one : argument) {
        Problems of_one;
        compare(actual, one, at, of_one);
        if (of_one.empty()) return;
      }
      fail("none of the alternatives fits");
    } else if (name == "$match") {
      if (!holds(argument, actual)) fail("expected " + argument.get<std::string>());
    } else if (name == "$starts_with") {
      if (!actual.is_string() || !actual.get<std::string>().starts_with(argument.get<std::string>()))
        fail("expected the beginning " + argument.dump());
    } else if (name == "$contains") {
      if (!actual.is_string() || actual.get<std::string>().find(argument.get<std::string>()) == std::string::npos)
        fail("expected to contain " + argument.dump());
    } else {
      throw std::runtime_error("unknown matcher " + name);
    }
  } else if (expected.is_null()) {
    return;
  } else if (expected.is_object()) {
    if (!actual.is_object()) return fail("expected an object");
    for (const auto& [key, value] : expected.items()) compare(actual.value(key, Tree()), value, at + "." + key, problems);
  } else if (expected.is_array()) {
    if (actual.is_object() && expected.size() == 1 && expected[0].is_object())
      return compare(actual, expected[0], at, problems);
    if (!actual.is_array() || actual.size() < expected.size())
      return fail("expected a list of " + std::to_string(expected.size()));
    for (std::size_t i = 0; i < expected.size(); ++i)
      compare(actual[i], expected[i], at + "[" + std::to_string(i) + "]", problems);
  } else if (expected.is_number() && actual.is_number()) {
    if (actual.get<double>() != expected.get<double>()) fail("expected " + expected.dump());
  } else if (actual != expected) {
    fail("expected " + expected.dump());
  }
}

// --- recordings ---

std::string body_of(const Tree& message) {
  if (message.contains("body_base64")) return base64::decode(message["body_base64"].get<std::string>()).value();
  const Tree body = message.value("body", Tree(""));
  return body.is_string() ? body.get<std::string>() : body.dump();
}

std::string header_of(const Tree& message, std::string_view wanted) {
  const Tree headers = message.value("headers", Tree::object());
  for (const auto& [name, value] : headers.items()) {
    if (same_ignoring_case(name, wanted)) return value;
  }
  return {};
}

Exchange exchange_of(const Tree& turn) {
  Exchange exchange;
  exchange.url = turn["request"]["url"];
  exchange.request = body_of(turn["request"]);
  exchange.request_type = header_of(turn["request"], "content-type");
  exchange.status = turn["response"]["status"];
  exchange.content_type = header_of(turn["response"], "content-type");
  exchange.content_encoding = header_of(turn["response"], "content-encoding");
  exchange.response = body_of(turn["response"]);
  return exchange;
}

Tree row_of(const Facts& facts) {
  const auto read = [](const std::string& json) { return json.empty() ? Tree() : tree(json); };
  Tree row = {{"input", read(facts.input)},       {"output", read(facts.output)},
              {"metadata", read(facts.metadata)}, {"metrics", read(facts.metrics)},
              {"error", read(facts.error)},       {"span_attributes", {{"type", "llm"}, {"name", facts.name}}}};
  if (row["metrics"].is_null()) row["metrics"] = Tree::object();
  // What the watcher of the exchange adds.
  if (facts.streamed) row["metrics"]["time_to_first_token"] = 0.1;
  row["context"]["span_origin"] = {{"name", "x"}, {"version", "x"}, {"instrumentation", {{"name", "x"}}}};
  return row;
}

// --- what `turns[].expected` says, found in a row of each shape ---

struct Said {
  std::string text, finish_reason;
  std::vector<std::string> tools;
  std::vector<Tree> arguments;
};

Tree parsed(const Tree& arguments) {
  if (!arguments.is_string()) return arguments;
  const Tree value = Tree::parse(arguments.get<std::string>(), nullptr, false);
  return value.is_discarded() ? arguments : value;
}

void add_message(Said& said, const Tree& message) {
  const Tree content = message.value("content", Tree());
  if (content.is_string()) said.text += content.get<std::string>();
  if (content.is_array()) {
    for (const Tree& part : content) {
      const std::string type = part.value("type", "");
      if (type == "text" || type == "output_text") said.text += part.value("text", "");
      if (type == "tool_use") {
        said.tools.push_back(part["name"]);
        said.arguments.push_back(part["input"]);
      }
    }
  }
  for (const Tree& call : message.value("tool_calls", Tree::array())) {
    said.tools.push_back(call["function"]["name"]);
    said.arguments.push_back(parsed(call["function"]["arguments"]));
  }
}

std::vector<Said> said_in(const Tree& output) {
  std::vector<Said> all;
  if (output.is_object() && output.contains("candidates")) {  // Google
    for (const Tree& candidate : output["candidates"]) {
      Said& said = all.emplace_back();
      said.finish_reason = candidate.value("finishReason", "");
      for (const Tree& part : candidate["content"]["parts"]) {
        if (!part.value("thought", false)) said.text += part.value("text", "");
        if (!part.contains("functionCall")) continue;
        said.tools.push_back(part["functionCall"]["name"]);
        said.arguments.push_back(part["functionCall"]["args"]);
      }
    }
    return all;
  }
  if (output.is_object()) {  // Anthropic
    Said& said = all.emplace_back();
    said.finish_reason = output.value("stop_reason", "");
    add_message(said, output);
    return all;
  }
  if (output.is_array() && !output.empty() && output[0].contains("type")) {  // responses: items
    Said& said = all.emplace_back();
    said.finish_reason = "completed";
    for (const Tree& item : output) {
      if (item["type"] == "message") add_message(said, item);
      if (item["type"] != "function_call") continue;
      said.tools.push_back(item["name"]);
      said.arguments.push_back(parsed(item["arguments"]));
    }
    return all;
  }
  for (const Tree& choice : output) {  // canonical choices, or Bedrock's messages
    Said& said = all.emplace_back();
    said.finish_reason = choice.value("finish_reason", "");
    add_message(said, choice.contains("message") ? choice["message"] : choice);
  }
  return all;
}

// The canonical form has names of its own (INST 15.9, 4.17).
std::string canonical_reason(const std::string& api, const std::string& reason) {
  static const std::map<std::string, std::string> canonical = {
      {"end_turn", "stop"},     {"tool_use", "tool_calls"}, {"guardrail_intervened", "content_filter"},
      {"max_tokens", "length"}, {"COMPLETE", "stop"},       {"TOOL_CALL", "tool_calls"},
      {"MAX_TOKENS", "length"}};
  if (!api.starts_with("bedrock.converse") && !api.starts_with("cohere")) return reason;
  const auto found = canonical.find(reason);
  return found == canonical.end() ? reason : found->second;
}

void compare_choices(const Tree& row, const Tree& expected, Problems& problems) {
  const std::string api = expected.value("api", "");
  const std::vector<Said> said = said_in(row["output"]);
  const Tree choices = expected["choices"];
  if (said.size() < choices.size()) {
    problems.push_back("output: expected " + std::to_string(choices.size()) + " choices: " + row["output"].dump());
    return;
  }
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const Tree& choice = choices[i];
    const std::string at = "choice " + std::to_string(i);
    compare(said[i].text, choice["text"], at + " text", problems);
    if (choice["finish_reason"].is_string()) {
      compare(said[i].finish_reason, canonical_reason(api, choice["finish_reason"]), at + " finish_reason", problems);
    }
    const Tree calls = choice.value("tool_calls", Tree::array());
    if (calls.size() != said[i].tools.size()) problems.push_back(at + ": tool calls " + row["output"].dump());
    for (std::size_t call = 0; call < std::min(calls.size(), said[i].tools.size()); ++call) {
      compare(said[i].tools[call], calls[call]["name"], at + " tool", problems);
      compare(said[i].arguments[call], parsed(calls[call]["arguments"]), at + " arguments", problems);
    }
    if (choice.contains("refusal") && row["output"].dump().find(choice["refusal"].dump()) == std::string::npos) {
      problems.push_back(at + ": the refusal is not in the output");
    }
    // Reasoning is somewhere in the output, as one text.
    if (choice.contains("reasoning_text") && row["output"].dump().find(choice["reasoning_text"].dump()) == std::string::npos) {
      problems.push_back(at + ": the reasoning is not in the output: " + row["output"].dump().substr(0, 400));
    }
  }
}

Problems compare_turn(const Tree& row, const Facts& facts, const Tree& expected) {
  Problems problems;
  if (expected["api"] == "error") {
    const std::string error = row["error"].is_string() ? row["error"].get<std::string>() : "";
    if (error.find(expected["error"].value("message", "")) == std::string::npos) problems.push_back("error: " + error);
    if (error.find(std::to_string(expected["status"].get<int>())) == std::string::npos) problems.push_back("status: " + error);
    if (!row["output"].is_null()) problems.push_back("a failed call has an output");
    return problems;
  }
  if (!row["error"].is_null()) problems.push_back("error: " + row["error"].dump());
  if (expected.contains("model")) compare(row["metadata"]["model"], expected["model"], "metadata.model", problems);
  compare(row["metrics"], expected.value("metrics", Tree::object()), "metrics", problems);
  if (facts.streamed != expected.value("streaming", false)) problems.push_back("streamed or not");
  if (expected.contains("choices")) compare_choices(row, expected, problems);
  if (expected.contains("embedding_length")) {
    compare(row["output"]["embedding_length"], expected["embedding_length"], "embedding_length", problems);
  }
  if (expected.contains("flagged")) compare(row["output"][0]["flagged"], expected["flagged"][0], "flagged", problems);
  return problems;
}

// Cut into single bytes and at random places, the result is the same.
void compare_cuts(const Exchange& exchange, const std::string& output, Problems& problems) {
  std::mt19937 random(1);
  for (std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, 1 + random() % 100, 1 + random() % 1000}) {
    if (response_facts(exchange, piece).output != output)
      problems.push_back("cut into pieces of " + std::to_string(piece) + " it differs");
  }
}

struct Count {
  std::size_t exchanges = 0, failed = 0;
};

void run(const std::string& part, Count& count) {
  for (const fs::path& file : files_in(conformance_folder() / part)) {
    const Tree recording = Tree::parse(std::ifstream(file));
    const Tree turns = recording["turns"];
    for (std::size_t i = 0; i < turns.size(); ++i) {
      Exchange exchange = exchange_of(turns[i]);
      const std::string unreplaced = response_facts(exchange).output;
      FakeSink sink;
      exchange.sink = &sink;
      Problems problems;
      try {
        const Facts facts = facts_of(exchange);
        const Tree row = row_of(facts);
        if (recording.contains("expected_spans")) {
          compare(row, recording["expected_spans"].at(i), "span", problems);
        } else {
          problems = compare_turn(row, facts, turns[i]["expected"]);
        }
        if (row["input"].is_null() && !exchange.request.empty()) problems.push_back("no input");
        if (facts.name.empty()) problems.push_back("no name");
        if (!facts.note.empty()) problems.push_back("note: " + facts.note);
        exchange.sink = nullptr;
        compare_cuts(exchange, unreplaced, problems);
      } catch (const std::exception& error) {
        problems.push_back(error.what());
      }
      ++count.exchanges;
      if (problems.empty()) continue;
      ++count.failed;
      std::string text = fs::relative(file, conformance_folder()).string() + " turn " + std::to_string(i);
      for (const std::string& problem : problems) text += "\n  " + problem;
      ADD_FAILURE() << text;
    }
  }
}

class Conformance : public testing::TestWithParam<const char*> {};

TEST_P(Conformance, EveryRecordedExchangeMeansWhatIsExpected) {
  if (files_in(conformance_folder() / GetParam()).empty()) {
    GTEST_SKIP() << "no recordings in " << conformance_folder() / GetParam() << ": set BRAINTRUST_CONFORMANCE to their folder";
  }
  Count count;
  run(GetParam(), count);
  std::printf("%s: %zu exchanges, %zu differ\n", GetParam(), count.exchanges, count.failed);
}

INSTANTIATE_TEST_SUITE_P(All, Conformance, testing::Values("cases", "composite", "extra"),
                         [](const auto& part) { return std::string(part.param); });

}  // namespace
}  // namespace braintrust::llm
