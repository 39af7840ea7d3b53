#include "llm/exchange.h"

namespace braintrust::llm {
namespace {

std::string all_of(const Facts& facts) {
  return facts.name + "\n" + facts.input + "\n" + facts.output + "\n" + facts.metadata + "\n" + facts.metrics + "\n" +
         facts.error + "\n" + (facts.streamed ? "streamed" : "whole") + "\n" + facts.note;
}

std::string path_of(const Exchange& exchange) { return std::string(Url::parse(exchange.url)->path); }

ResponseReader reader_of(const Exchange& exchange) {
  return {endpoint_of(exchange),
          path_of(exchange),
          {exchange.status, exchange.content_type, exchange.content_encoding},
          exchange.sink};
}

}  // namespace

std::vector<std::string> FakeSink::take(std::vector<Media> media) {
  if (refuses) return {};
  std::vector<std::string> references;
  for (Media& one : media) {
    references.push_back(Tree{{"type", "braintrust_attachment"},
                              {"content_type", one.content_type},
                              {"filename", one.filename},
                              {"key", "key-" + std::to_string(taken.size())}}
                             .dump());
    taken.push_back(std::move(one));
  }
  return references;
}

Endpoint endpoint_of(const Exchange& exchange) {
  Endpoints endpoints;
  std::vector<std::string> warnings;
  endpoints.declare(exchange.declared, warnings);
  EXPECT_TRUE(warnings.empty());
  const auto endpoint = find_endpoint(exchange.url, endpoints);
  if (!endpoint) throw std::runtime_error("no model call: " + exchange.url);
  return *endpoint;
}

Facts request_facts(const Exchange& exchange) {
  return read_request(endpoint_of(exchange), path_of(exchange), exchange.request_type, exchange.request, exchange.sink);
}

Facts response_facts(const Exchange& exchange, std::size_t piece) {
  ResponseReader reader = reader_of(exchange);
  for (std::size_t at = 0; at < exchange.response.size(); at += piece) {
    const std::string bytes = exchange.response.substr(at, piece);  // of its own, so that a sanitizer sees a view that stays
    reader.feed(bytes);
  }
  return reader.finish(exchange.end);
}

Facts facts_of(const Exchange& exchange) { return merge(request_facts(exchange), response_facts(exchange)); }

void expect_same_however_cut(const Exchange& exchange) {
  Exchange without_media = exchange;
  without_media.sink = nullptr;
  const std::string whole = all_of(response_facts(without_media));
  EXPECT_EQ(all_of(response_facts(without_media, 1)), whole);
  for (std::size_t cut = 1; cut < exchange.response.size(); ++cut) {
    ResponseReader reader = reader_of(without_media);
    reader.feed(exchange.response.substr(0, cut));
    reader.feed(exchange.response.substr(cut));
    ASSERT_EQ(all_of(reader.finish(exchange.end)), whole) << "cut at byte " << cut;
  }
}

Tree tree(std::string_view json) {
  Tree value = Tree::parse(json, nullptr, false);
  EXPECT_FALSE(value.is_discarded()) << json;
  return value;
}

std::string sse(const std::vector<std::string>& events) {
  std::string out;
  for (const std::string& event : events) out += "data: " + event + "\n\n";
  return out;
}

}  // namespace braintrust::llm
