// Which requests are model calls.

#include "llm/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "llm/dialects.h"

namespace braintrust::llm {
namespace {

struct Known {
  std::string_view url;
  const Dialect* dialect;
  std::string_view provider;
};

TEST(Endpoint, ProvidersOwnHostsAreKnown) {
  const Known all[] = {
      {"https://api.openai.com/v1/chat/completions", &openai_chat, "openai"},
      {"https://API.OpenAI.com:443/v1/chat/completions/?a=b#c", &openai_chat, "openai"},
      {"https://user:key@eu.api.openai.com/v1/responses", &openai_responses, "openai"},
      {"https://api.openai.com/v1/completions", &openai_completions, "openai"},
      {"https://api.openai.com/v1/embeddings", &openai_embeddings, "openai"},
      {"https://api.openai.com/v1/moderations", &openai_moderations, "openai"},
      {"https://api.openai.com/v1/images/generations", &openai_images, "openai"},
      {"https://api.openai.com/v1/images/edits", &openai_images, "openai"},
      {"https://api.anthropic.com/v1/messages?beta=true", &anthropic_messages, "anthropic"},
      {"https://generativelanguage.googleapis.com/v1beta/models/g:generateContent", &google_generate_content, "google"},
      {"https://generativelanguage.googleapis.com/v1beta/models/g:streamGenerateContent?alt=sse", &google_generate_content,
       "google"},
      {"https://generativelanguage.googleapis.com/v1beta/openai/chat/completions", &openai_chat, "google"},
      {"https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/g:generateContent",
       &google_generate_content, "google"},
      {"https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/anthropic/models/c:streamRawPredict",
       &anthropic_messages, "google"},
      {"https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse", &bedrock_converse, "bedrock"},
      {"https://bedrock-runtime-fips.us-east-1.amazonaws.com/model/m/converse-stream", &bedrock_converse, "bedrock"},
      {"https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com/model/us.anthropic.c-v1%3A0/invoke",
       &bedrock_invoke_anthropic, "bedrock"},
      {"https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/anthropic.c/invoke-with-response-stream",
       &bedrock_invoke_anthropic, "bedrock"},
      {"https://res.openai.azure.com/openai/deployments/d/chat/completions?api-version=1", &openai_chat, "azure"},
      {"https://res.cognitiveservices.azure.com/openai/v1/responses", &openai_responses, "azure"},
      {"https://res.services.ai.azure.com/models/chat/completions", &openai_chat, "azure"},
      {"https://res.services.ai.azure.com/anthropic/v1/messages", &anthropic_messages, "azure"},
      {"https://api.cohere.com/v2/chat", &cohere_chat, "cohere"},
      {"https://api.mistral.ai/v1/fim/completions", &openai_completions, "mistral"},
      {"https://api.mistral.ai/v1/agents/completions", &openai_chat, "mistral"},
      {"https://api.groq.com/openai/v1/chat/completions", &openai_chat, "groq"},
      {"https://api.together.xyz/v1/chat/completions", &openai_chat, "together"},
      {"https://api.fireworks.ai/inference/v1/chat/completions", &openai_chat, "fireworks"},
      {"https://api.deepseek.com/chat/completions", &openai_chat, "deepseek"},
      {"https://openrouter.ai/api/v1/chat/completions", &openai_chat, "openrouter"},
      {"https://api.x.ai/v1/chat/completions", &openai_chat, "xai"},
      {"https://api.perplexity.ai/chat/completions", &openai_chat, "perplexity"},
      {"https://api.cerebras.ai/v1/chat/completions", &openai_chat, "cerebras"},
      {"https://router.huggingface.co/v1/chat/completions", &openai_chat, "huggingface"},
      {"https://abc.us-east-1.aws.endpoints.huggingface.cloud/v1/chat/completions", &openai_chat, "huggingface"},
      {"https://ollama.com/api/chat", &ollama_chat, "ollama"},
  };
  for (const Known& known : all) {
    const auto found = find_endpoint(known.url, {});
    ASSERT_TRUE(found) << known.url;
    EXPECT_EQ(found->dialect, known.dialect) << known.url;
    EXPECT_EQ(found->provider, known.provider) << known.url;
  }
}

TEST(Endpoint, OtherHostsAndOtherPathsAreNotTouched) {
  for (const std::string_view url : {
           "https://example.com/v1/chat/completions",
           "https://api.openai.com.evil.example/v1/chat/completions",
           "https://notapi.openai.com.example/v1/chat/completions",
           "https://api.openai.com/v1/models",
           "https://api.openai.com/v1/chat/completions/abc",
           "https://api.openai.com/v1/threads/t/messages",
           "https://api.openai.com/v1/files",
           "https://api.anthropic.com/v1/messages/count_tokens",
           "https://api.anthropic.com/v1/messages/batches",
           "https://generativelanguage.googleapis.com/v1beta/models/g:countTokens",
           "https://bedrock-runtime.us-east-1.amazonaws.com/model/amazon.titan/invoke",
           "https://bedrock.us-east-1.amazonaws.com/model/m/converse",
           "https://s3.amazonaws.com/model/m/converse",
           "http://localhost:11434/api/chat",
           "ftp://api.openai.com/v1/chat/completions",
           "https://",
           "https:///v1/chat/completions",
           "https://[::1/v1/chat/completions",
           "https://api.openai.com:port/v1/chat/completions",
           "https://api.openai.com",
           "",
       }) {
    EXPECT_FALSE(find_endpoint(url, {})) << url;
  }
}

Endpoints declared(std::string_view text) {
  Endpoints endpoints;
  std::vector<std::string> warnings;
  endpoints.declare(text, warnings);
  EXPECT_TRUE(warnings.empty());
  return endpoints;
}

TEST(Endpoint, ADeclaredBaseCountsWithAndWithoutItsVersion) {
  for (const std::string_view base :
       {"vllm=http://127.0.0.1:8000/v1", "vllm=http://127.0.0.1:8000", " VLLM = http://127.0.0.1:8000/v1/ "}) {
    const Endpoints endpoints = declared(base);
    for (const std::string_view path : {"/v1/chat/completions", "/chat/completions"}) {
      const auto found = find_endpoint("http://127.0.0.1:8000" + std::string(path), endpoints);
      ASSERT_TRUE(found) << base << path;
      EXPECT_EQ(found->provider, "vllm");
    }
    EXPECT_FALSE(find_endpoint("http://127.0.0.1:8001/v1/chat/completions", endpoints));
    EXPECT_FALSE(find_endpoint("https://127.0.0.1:8000/v1/chat/completions", endpoints));
    EXPECT_FALSE(find_endpoint("http://127.0.0.1:8000/v1/models", endpoints));
  }
}

TEST(Endpoint, APathOfADeclaredBaseIsMatchedInWholeSegments) {
  const Endpoints endpoints = declared("gateway=https://gw/llm,anthropic=https://gw/llm/claude,ollama=http://localhost:11434");
  EXPECT_EQ(find_endpoint("https://gw/llm/chat/completions", endpoints)->provider, "gateway");
  EXPECT_EQ(find_endpoint("https://gw/llm/claude/v1/messages", endpoints)->provider, "anthropic");
  EXPECT_EQ(find_endpoint("https://gw/llm/claude/messages", endpoints)->dialect, &anthropic_messages);
  EXPECT_FALSE(find_endpoint("https://gw/llmx/chat/completions", endpoints));
  EXPECT_EQ(find_endpoint("http://localhost:11434/api/chat", endpoints)->dialect, &ollama_chat);
  EXPECT_EQ(find_endpoint("http://LOCALHOST:11434/v1/chat/completions", endpoints)->provider, "ollama");
}

TEST(Endpoint, AnIpv6AddressMayBeDeclared) {
  EXPECT_TRUE(find_endpoint("http://[::1]:8000/v1/chat/completions", declared("openai=http://[::1]:8000/v1")));
}

TEST(Endpoint, BadEntriesAreToldAndTheOthersCount) {
  Endpoints endpoints;
  std::vector<std::string> warnings;
  endpoints.declare("nothing,=http://a,b=,c=ftp://x,d e=http://x, ,ok=http://h:1", warnings);
  EXPECT_THAT(warnings, testing::SizeIs(5));
  EXPECT_THAT(warnings[3], testing::HasSubstr("\"c\""));
  EXPECT_TRUE(find_endpoint("http://h:1/v1/chat/completions", endpoints));
}

TEST(Endpoint, EachNameCanBeSwitchedOff) {
  Endpoints endpoints = declared("mine=http://h:1");
  std::vector<std::string> warnings;
  endpoints.switch_off("Groq, mine", warnings);
  EXPECT_TRUE(warnings.empty());
  EXPECT_FALSE(find_endpoint("https://api.groq.com/openai/v1/chat/completions", endpoints));
  EXPECT_FALSE(find_endpoint("http://h:1/v1/chat/completions", endpoints));
  EXPECT_TRUE(find_endpoint("https://api.openai.com/v1/chat/completions", endpoints));
  endpoints.switch_off("grok", warnings);
  EXPECT_THAT(warnings, testing::ElementsAre(testing::HasSubstr("grok")));
}

TEST(Endpoint, TheInstrumentationIsNamedAfterTheApi) {  // INST 3.8
  EXPECT_EQ(find_endpoint("https://api.groq.com/openai/v1/chat/completions", {})->instrumentation(), "openai");
  EXPECT_EQ(find_endpoint("https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse", {})->instrumentation(),
            "bedrock-runtime");
}

}  // namespace
}  // namespace braintrust::llm
