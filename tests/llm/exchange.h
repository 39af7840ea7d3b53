#pragma once

// One exchange with a provider, as a test writes it down.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "llm/endpoint.h"
#include "llm/facts.h"
#include "llm/reader.h"

namespace braintrust::llm {

using Tree = nlohmann::ordered_json;

// Takes all media, or refuses all.
class FakeSink final : public MediaSink {
 public:
  bool refuses = false;
  std::vector<Media> taken;
  std::vector<std::string> take(std::vector<Media> media) override;
};

struct Exchange {
  std::string url = "https://api.openai.com/v1/chat/completions";
  std::string request = "{}";
  int status = 200;
  std::string content_type = "application/json";
  std::string response = {};
  std::string content_encoding = {};
  End end = End::complete();
  std::string declared = {};
  MediaSink* sink = nullptr;
  std::string request_type = "application/json";
};

Endpoint endpoint_of(const Exchange& exchange);
Facts request_facts(const Exchange& exchange);
// The response cut into pieces of at most `piece` bytes.
Facts response_facts(const Exchange& exchange, std::size_t piece = 1'000'000);
// Both, merged.
Facts facts_of(const Exchange& exchange);

// Every way of cutting the response in two, and into single bytes, gives the same facts.
void expect_same_however_cut(const Exchange& exchange);

// The tree of a JSON text; a failure where it is none.
Tree tree(std::string_view json);

// "data: {…}\n\n" of each.
std::string sse(const std::vector<std::string>& events);

}  // namespace braintrust::llm
