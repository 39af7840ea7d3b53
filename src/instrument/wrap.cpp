#include <braintrust/instrument/wrap.h>

#include "core/json_scan.h"
#include "instrument/endpoint_call.h"
#include "trace/exception_text.h"

namespace braintrust::detail {
namespace {

// A string member of a JSON object, or blank.
std::string text_member(const std::vector<JsonMember>& members, std::string_view key) {
  for (const JsonMember& member : members) {
    if (member.key == key && member.value.size() >= 2 && member.value.front() == '"') {
      return unescape(member.value.substr(1, member.value.size() - 2));
    }
  }
  return {};
}

}  // namespace

std::string path_of_request(std::string_view provider, std::string_view request, bool streamed) {
  const auto members = members_of(request);
  if (!members) return {};
  const auto has = [&](std::string_view key) {
    for (const JsonMember& member : *members) {
      if (member.key == key) return true;
    }
    return false;
  };
  const auto model_has = [model = text_member(*members, "model")](std::string_view part) {
    return model.find(part) != std::string::npos;
  };

  if (provider == "anthropic") return "/v1/messages";
  if (provider == "google") {
    std::string model = text_member(*members, "model");
    model.erase(0, model.rfind('/') + 1);  // publishers/google/models/…
    return "/v1beta/models/" + model + (streamed ? ":streamGenerateContent" : ":generateContent");
  }
  if (provider == "bedrock") {
    return "/model/" + text_member(*members, "modelId") + (streamed ? "/converse-stream" : "/converse");
  }
  if (provider == "cohere") return "/v2/chat";
  if (provider == "ollama") return has("messages") ? "/api/chat" : "/api/generate";
  if (has("messages")) return "/v1/chat/completions";
  if (has("prompt")) return model_has("image") || model_has("dall-e") ? "/v1/images/generations" : "/v1/completions";
  if (model_has("embed")) return "/v1/embeddings";
  if (model_has("moderation")) return "/v1/moderations";
  return "/v1/responses";
}

void end_with_exception(llm::Call& call, const std::exception_ptr& exception) noexcept {
  if (!call) return;
  try {
    call.end({.status = 0, .error = exception_text(exception)});
  } catch (const std::exception&) {  // out of memory
    call.end({.status = 0, .error = "exception"});
  }
}

UntracedCalls::UntracedCalls() noexcept { llm::leave_calls_untraced(true); }
UntracedCalls::~UntracedCalls() { llm::leave_calls_untraced(false); }

}  // namespace braintrust::detail
