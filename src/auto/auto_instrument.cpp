#include <braintrust/instrument/auto.h>

#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "auto/curl_wrap.h"
#include "auto/preloaded.h"
#include "auto/redirect.h"
#include "instrument/curl_hooks.h"
#include "instrument/known_endpoints.h"

// Defined by `braintrust::curl_wrap`, where a program links it.
extern "C" __attribute__((weak)) const char braintrust_curl_wrap_is_linked;

namespace braintrust {
namespace automatic {

bool curl_wrap_is_linked() noexcept { return &braintrust_curl_wrap_is_linked != nullptr; }

namespace {

std::string switched_off(const AutoOptions& options) {
  const std::pair<std::string_view, bool> names[] = {
      {"openai", options.openai},
      {"anthropic", options.anthropic},
      {"google", options.google},
      {"bedrock", options.bedrock},
      {"azure", options.azure},
      {"mistral", options.mistral},
      {"groq", options.groq},
      {"together", options.together},
      {"fireworks", options.fireworks},
      {"deepseek", options.deepseek},
      {"openrouter", options.openrouter},
      {"xai", options.xai},
      {"perplexity", options.perplexity},
      {"cerebras", options.cerebras},
      {"huggingface", options.huggingface},
      {"cohere", options.cohere},
      {"ollama", options.ollama},
      {"vllm", options.vllm},
      {"llamacpp", options.llamacpp},
      {"lmstudio", options.lmstudio},
  };
  std::string off;
  for (const auto& [name, on] : names) {
    if (!on) off.append(off.empty() ? "" : ",").append(name);
  }
  return off;
}

// The same options again add nothing.
void declare(const AutoOptions& options) {
  static std::mutex mutex;
  static std::string& last = *new std::string;
  const std::string off = switched_off(options);
  const std::string now = options.endpoints + '\n' + off;
  const std::lock_guard lock(mutex);
  if (now == last || (last.empty() && now == "\n")) return;
  instrument::declare_endpoints(options.endpoints, off);
  last = now;
}

}  // namespace
}  // namespace automatic

AutoResult auto_instrument(const AutoOptions& options) {
  try {
    automatic::declare(options);
    automatic::step_in_for_preloaded();
    instrument::trace_curl(true);
    AutoResult result = automatic::redirect_curl();
    if (automatic::curl_wrap_is_linked()) {
      result.supported = true;
      result.libraries.emplace_back();
    }
    return result;
  } catch (const std::exception&) {
    return {.problem = "out of memory"};
  }
}

}  // namespace braintrust
