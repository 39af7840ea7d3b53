#pragma once

// One model call, watched: what goes to the provider and what comes back becomes an `llm` span.
//
//   auto call = braintrust::llm::start_call({.provider = "openai", .path = "/v1/chat/completions", .request = body});
//   …                                    // send `body` with any HTTP client
//   call.on_chunk(bytes);                // the response, as it arrives, cut anywhere; streamed or not
//   call.end({.status = 200});
//
// `wrap_openai` and its siblings (wrap.h), `auto_instrument` (auto.h) and the cpp-httplib client (httplib.h) are made of this.
// Your bytes are copied and nothing else; a background thread finds out what they mean: messages, model, settings, tools,
// tokens, errors, as docs/model-calls.md lists them. `braintrust::set_masking_function` sees what it found, before it is sent.
//
// The span is a child of the current span and never current itself, so several calls may be open on one thread. A call that is
// dropped without `end` ends as abandoned: what had arrived is kept, and it is no error. Without a logger all of this is a
// no-op. What is captured of one response is bounded: of a longer one, the first 16 MiB and the last 256 KiB.
//
// Threads: a call is used from one thread at a time; it may move between threads. Errors: nothing throws; what cannot be
// understood is left out of the span. Units: bytes. Source: INST 4, 7.17, 8, 9.

#include <chrono>
#include <memory>
#include <string_view>

#include <braintrust/trace/site.h>
#include <braintrust/trace/span.h>

namespace braintrust::llm {

struct Endpoint;

// The order is part of the interface: fields are only ever appended.
struct CallOptions {
  // Whose API: openai, anthropic, google, bedrock, azure, cohere, ollama, mistral, groq, … Each name but those with formats of
  // their own (anthropic, google, bedrock, cohere, ollama) means OpenAI's format. It becomes `metadata.provider`.
  std::string_view provider = {};
  std::string_view path = {};                          // of the request's URL, query included: "/v1/chat/completions"
  std::string_view request = {};                       // the request's body
  std::string_view content_type = "application/json";  // of the request
  Parent parent = {};                                  // instead of the current span
  // Instead of provider and path: where the request goes. Of a host that is no known provider's, and not declared in
  // BRAINTRUST_AUTO_ENDPOINTS, the call is a no-op.
  std::string_view url = {};
};

struct CallEnd {
  int status = 200;                        // of HTTP; 0 = no response came
  std::string_view content_type = {};      // the response's header. Blank: told from the bytes
  std::string_view content_encoding = {};  // the response's header, if the bytes are still encoded so
  std::string_view error = {};             // why the transfer failed, in the client's words. Blank: it did not
  std::chrono::nanoseconds took = {};      // from start_call, for clients that hear of the end late. Zero: until now
};

class [[nodiscard]] Call {
 public:
  Call() noexcept;  // a no-op
  Call(Call&& other) noexcept;
  Call& operator=(Call&& other) noexcept;
  ~Call();  // ends it as abandoned

  // False: nothing is recorded.
  explicit operator bool() const noexcept { return state_ != nullptr; }

  // The next bytes of the response's body. The first ones that are more than a comment, by which servers keep a stream alive,
  // stop the clock of `time_to_first_token`.
  void on_chunk(std::string_view bytes) noexcept {
    if (state_ != nullptr && !bytes.empty()) capture(bytes);
  }
  // Once; the span ends here.
  void end(const CallEnd& end = {}) noexcept;

  // The call's span, to log more to it. A false handle for a no-op.
  SpanHandle span() const noexcept;

 private:
  friend Call start_call(const Endpoint& endpoint, const CallOptions& options, const Site& site) noexcept;
  struct State;
  explicit Call(std::unique_ptr<State> state) noexcept;
  void capture(std::string_view bytes) noexcept;

  std::unique_ptr<State> state_;
};

// Begins a call, just before its request is sent. A path that is no call of a model (a list of models, say) gives a no-op.
Call start_call(const CallOptions& options, Site site = Site::current()) noexcept;

}  // namespace braintrust::llm
