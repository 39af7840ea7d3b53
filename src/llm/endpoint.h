#pragma once

// `Endpoint`: does this request call a model, and whose?
//
//   Endpoints endpoints;                                            // the providers' own hosts are known
//   endpoints.declare("openai=http://127.0.0.1:8000/v1,vllm=http://gpu:8000", warnings);
//   endpoints.switch_off("groq", warnings);
//   if (auto endpoint = find_endpoint("https://api.openai.com/v1/chat/completions", endpoints)) …
//
// Only paths that are calls of a model count: not the list of models, not a file upload. The method is the caller's to check: a
// model call is a POST, and GET on the same path lists stored answers.
//
// A declared endpoint is `name=base`: the requests to that scheme, host, port and path below the base, with or without a `/v1`
// at the base's end. The name is the provider in `metadata.provider`; anthropic, google, bedrock, cohere and ollama speak their
// own formats, each other name speaks OpenAI's. Formats are told apart by the path, so an OpenAI-compatible
// path of an Ollama server is understood too.
//
// Threads: `find_endpoint` from any thread while nobody changes `endpoints`; it allocates only when it finds something. An
// `Endpoint` is a plain value. Errors: bad entries are told in `warnings` and left out. Source: INST 16.3, 4.14.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llm/url.h"

namespace braintrust::llm {

struct Dialect;

struct Endpoint {
  const Dialect* dialect = nullptr;
  std::string provider = {};  // metadata.provider

  // context.span_origin.instrumentation.name (INST 3.8)
  std::string_view instrumentation() const noexcept;
};

class Endpoints {
 public:
  // `text`: name=base pairs with commas between them.
  void declare(std::string_view text, std::vector<std::string>& warnings);
  // `text`: names with commas between them. Their requests are no model calls any more, wherever they go.
  void switch_off(std::string_view text, std::vector<std::string>& warnings);

  struct Declared {
    std::string name;
    bool https;
    std::string host;
    std::uint16_t port;
    std::string path;  // without a slash or /v1 at its end
  };
  const std::vector<Declared>& declared() const noexcept { return declared_; }
  bool is_off(std::string_view name) const noexcept;

 private:
  std::vector<Declared> declared_;
  std::vector<std::string> off_;
};

std::optional<Endpoint> find_endpoint(const Url& url, const Endpoints& endpoints);
// The same of an address as text; nothing when it is no http(s) address.
std::optional<Endpoint> find_endpoint(std::string_view url, const Endpoints& endpoints);

}  // namespace braintrust::llm
