#pragma once

// `Provider`: a scripted model server that speaks OpenAI's chat format. What it answers to a question "x" is "you said x".
// ?mode= in the address makes it misbehave: 429, redirect, hang, truncate, trickle, gzip.
//
// Threads: as ScriptedServer.

#include <string>

#include <zlib.h>
#include <nlohmann/json.hpp>

#include "support/scripted_server.h"

namespace braintrust::test {

inline std::string gzipped(std::string text) {
  std::string out(text.size() + 100, '\0');
  z_stream stream{};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class Provider : public ScriptedServer {
 public:
  Provider() {
    const auto answer = [](const ServerRequest& request) { return answer_to(request); };
    handle("/v1/chat/completions", answer);
    handle("/v1/models", [](const ServerRequest&) { return Answer{.body = R"({"data":[]})"}; });
    handle("/elsewhere", [](const ServerRequest&) { return Answer{.body = "elsewhere"}; });
    handle("/v1/images/edits", [](const ServerRequest&) { return Answer{.body = R"({"data":[{"url":"http://a/b.png"}]})"}; });
  }

 private:
  static Answer answer_to(const ServerRequest& request) {
    const auto body = nlohmann::json::parse(request.body, nullptr, false);
    if (body.is_discarded() || !body.contains("messages")) return {.status = 400, .body = R"({"error":{"message":"no JSON"}})"};
    const std::string text = "you said " + body["messages"][0]["content"].get<std::string>();
    const std::string mode = request.target.find("mode=") != std::string::npos
                                 ? request.target.substr(request.target.find("mode=") + 5)
                                 : std::string();
    if (mode == "429") {
      return {.status = 429,
              .body = R"({"error":{"message":"slow down","type":"rate_limit_error"}})",
              .headers = {{"Content-Type", "application/json"}}};
    }
    if (mode == "redirect") {
      return {
          .status = 307, .body = "moved", .headers = {{"Location", "/v1/chat/completions"}, {"Content-Type", "text/plain"}}};
    }
    if (mode == "hang") return {.deed = Deed::hang};
    Answer answer;
    if (body.value("stream", false)) {
      const auto event = [](const nlohmann::json& delta) {
        return "data: " + nlohmann::json{{"model", "m"}, {"choices", {{{"index", 0}, {"delta", delta}}}}}.dump() + "\n\n";
      };
      answer.headers = {{"Content-Type", "text/event-stream"}};
      answer.body = event({{"role", "assistant"}, {"content", text.substr(0, 4)}}) + event({{"content", text.substr(4)}}) +
                    "data: [DONE]\n\n";
    } else {
      answer.headers = {{"Content-Type", "application/json"}};
      answer.body =
          nlohmann::json{
              {"model", "m"},
              {"choices", {{{"index", 0}, {"message", {{"role", "assistant"}, {"content", text}}}, {"finish_reason", "stop"}}}},
              {"usage", {{"prompt_tokens", 3}, {"completion_tokens", 2}, {"total_tokens", 5}}},
          }
              .dump();
    }
    if (mode == "gzip") {
      answer.body = gzipped(answer.body);
      answer.headers.emplace_back("Content-Encoding", "gzip");
    }
    if (mode == "truncate") answer.deed = Deed::truncate;
    if (mode == "trickle") answer.deed = Deed::trickle;
    return answer;
  }
};

}  // namespace braintrust::test
