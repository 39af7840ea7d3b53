#pragma once

// `auto_instrument`: model calls that anything in this process makes through libcurl become `llm` spans.
//
//   braintrust::auto_instrument();                                     // or auto_instrument({.openrouter = false})
//   auto logger = braintrust::init_logger({.project = "My Project"});
//   …                                                                  // your client, cpr, liboai, the AWS SDK: as ever
//
// It redirects the `curl_*` calls of every loaded program and library (not libcurl's own) to functions that copy the bytes of
// model calls on their way; calls to other hosts pass straight through. A span is a child of the span that is current where
// curl_easy_perform or curl_multi_add_handle is called, and ends with the transfer. What a span holds is as in call.h.
//
// Which requests are model calls: POSTs to the hosts of the providers below, and to endpoints you declare, here or in
// BRAINTRUST_AUTO_ENDPOINTS. BRAINTRUST_DISABLE_INSTRUMENTATION is a list of names to leave out: "groq,cohere".
//
// Call it early: a handle that was made before is traced only after its next curl_easy_reset, because its options cannot be
// read back. Libraries that are loaded with dlopen later are found by themselves, at the next dlopen or dlsym; calling again
// finds them at once, and is harmless. Functions that a program gets with dlsym are redirected, too. Under a sanitizer, which
// has a dlopen of its own, only calling again finds them.
//
// Not seen: libcurl linked statically (link `braintrust::curl_wrap` for that), CURLOPT_CONNECT_ONLY, WebSockets, the text of an
// error where CURLOPT_FAILONERROR is set (libcurl drops it), and other HTTP clients (for
// cpp-httplib there is httplib.h). Linux with x86-64 or aarch64; elsewhere it says so in its result.
//
// Threads: from any thread; other threads may be in the midst of libcurl's functions. Errors: nothing throws; the result tells.
// Source: INST 4.14, 16.3; what can go wrong with redirected calls is tested in tests/auto.

#include <cstddef>
#include <string>
#include <vector>

namespace braintrust {

// The order is part of the interface: fields are only ever appended. A name that is false here or in the environment is off.
struct AutoOptions {
  bool openai = true;
  bool anthropic = true;
  bool google = true;
  bool bedrock = true;
  bool azure = true;
  bool mistral = true;
  bool groq = true;
  bool together = true;
  bool fireworks = true;
  bool deepseek = true;
  bool openrouter = true;
  bool xai = true;
  bool perplexity = true;
  bool cerebras = true;
  bool huggingface = true;
  bool cohere = true;
  bool ollama = true;
  bool vllm = true;
  bool llamacpp = true;
  bool lmstudio = true;
  // name=base pairs, with commas between them: "openai=http://127.0.0.1:8000/v1,anthropic=https://gateway.example/claude".
  // Requests below a base, with or without its /v1, are calls of that provider; a name that is not in the list above speaks
  // OpenAI's format. Added to those of BRAINTRUST_AUTO_ENDPOINTS.
  std::string endpoints = {};
};

struct AutoResult {
  bool supported = false;                   // on this system
  std::vector<std::string> libraries = {};  // each libcurl whose calls are redirected: its path; "" = this program itself
  std::size_t calls = 0;                    // places that were redirected, by this call and earlier ones
  std::string problem = {};                 // why not everything was redirected; blank: it was
};

AutoResult auto_instrument(const AutoOptions& options = {});

}  // namespace braintrust
