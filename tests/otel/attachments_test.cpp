// Media in the attributes of spans: references go with the span, bytes are uploaded (INST 18).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "otel/attachments.h"
#include "otel/received.h"
#include "support/told.h"

namespace braintrust::test {
namespace {

const std::string pixels = "\x89PNG\r\n\x1A\n" + std::string(100, '\x07');
const std::string data_url = "data:image/png;base64," + base64::encode(pixels);

struct AttachmentsOfSpans : testing::Test {
  AttachmentsOfSpans() {
    play_attachments(receiver.server, receiver.server);
    options.app_url = receiver.server.url();
  }
  // What arrived as an attribute of a span that was given `json`.
  nlohmann::json sent(const std::string& attribute, const std::string& json) {
    Tracing tracing(options);
    tracing.tracer().StartSpan("span", {{attribute, json}})->End();
    EXPECT_TRUE(tracing.flush());
    const std::string text = receiver.span("span").text(attribute);
    return nlohmann::json::parse(text, nullptr, false);
  }
  static std::string message_with(const std::string& url) {
    return nlohmann::json::array(
               {{{"role", "user"},
                 {"content", nlohmann::json::array({{{"type", "image_url"}, {"image_url", {{"url", url}}}}})}}})
        .dump();
  }

  pipeline::Settings settings() const {
    return {.api_key = options.api_key, .app_url = options.app_url, .api_url = options.api_url};
  }

  Receiver receiver;
  otel::SpanProcessorOptions options = receiver.options();
};

TEST_F(AttachmentsOfSpans, AreReferencesInInputAndOutputAndAreUploaded) {
  for (const char* const attribute : {"braintrust.input_json", "braintrust.output_json"}) {
    Receiver other;
    play_attachments(other.server, other.server);
    options = other.options();
    options.app_url = other.server.url();
    Tracing tracing(options);
    tracing.tracer().StartSpan("span", {{attribute, message_with(data_url)}})->End();
    ASSERT_TRUE(tracing.flush());
    const auto value = nlohmann::json::parse(other.span("span").text(attribute));
    const nlohmann::json reference = value[0]["content"][0]["image_url"]["url"];
    EXPECT_EQ(reference["type"], "braintrust_attachment");
    EXPECT_EQ(reference["content_type"], "image/png");
    EXPECT_EQ(reference["filename"], "attachment.png");
    const std::string key = reference["key"];
    EXPECT_EQ(stored_attachments(other.server).at(key), pixels);
    EXPECT_EQ(reported_attachments(other.server).at(key).back()["upload_status"], "done");
  }
}

TEST_F(AttachmentsOfSpans, AreKnownInTheFormatsOfAllProviders) {
  const std::string bytes = base64::encode(pixels);
  const nlohmann::json parts = nlohmann::json::array(
      {{{"type", "image"}, {"source", {{"type", "base64"}, {"media_type", "image/png"}, {"data", bytes}}}},
       {{"inlineData", {{"mimeType", "image/png"}, {"data", bytes}}}},
       {{"image", {{"format", "png"}, {"source", {{"bytes", bytes}}}}}},
       {{"type", "input_audio"}, {"input_audio", {{"format", "wav"}, {"data", bytes}}}}});
  const std::string arrived = sent("braintrust.input_json", parts.dump()).dump();
  EXPECT_EQ(arrived.find(bytes), std::string::npos) << arrived;
  EXPECT_EQ(stored_attachments(receiver.server).size(), 4u);
}

TEST_F(AttachmentsOfSpans, AreOnlyWhatIsOneAndOnlyInInputAndOutput) {
  const std::string prose = nlohmann::json("see " + data_url + " for more").dump();
  EXPECT_EQ(sent("braintrust.input_json", prose).dump(), prose);
  EXPECT_EQ(receiver.span("span").text("braintrust.input_json"), prose);

  Tracing tracing(options);
  tracing.tracer().StartSpan("no json", {{"braintrust.input_json", "{" + data_url}})->End();
  tracing.tracer().StartSpan("elsewhere", {{"gen_ai.prompt", message_with(data_url)}})->End();
  auto number = tracing.start("no text");
  number->SetAttribute("braintrust.input_json", 7);
  number->End();
  ASSERT_TRUE(tracing.flush());
  EXPECT_EQ(receiver.span("no json").text("braintrust.input_json"), "{" + data_url);
  EXPECT_EQ(receiver.span("elsewhere").text("gen_ai.prompt"), message_with(data_url));
  EXPECT_EQ(receiver.span("no text").attribute("braintrust.input_json")["intValue"], "7");
  EXPECT_EQ(receiver.server.count("/attachment"), 0u);
}

TEST_F(AttachmentsOfSpans, StayInTheSpanWhereTheVariableSaysSo) {
  const Variables variables({{"BRAINTRUST_AUTO_CONVERT_AI_ATTACHMENTS", "false"}});
  EXPECT_EQ(sent("braintrust.input_json", message_with(data_url)).dump(), message_with(data_url));
  EXPECT_EQ(receiver.server.count("/attachment"), 0u);
}

llm::Media medium(std::size_t bytes) { return {"image/png", "attachment.png", std::string(bytes, 'x')}; }

TEST_F(AttachmentsOfSpans, AreTakenTogetherOrNotAtAllWhereRoomIsShort) {
  receiver.server.on("/attachment", {{.deed = Deed::hang}});
  otel::detail::AttachmentUploader uploader(settings(), 1000);
  EXPECT_EQ(uploader.take({medium(600)}).size(), 1u);
  EXPECT_EQ(uploader.take({medium(300), medium(200)}).size(), 0u);
  EXPECT_EQ(uploader.take({medium(300), medium(100)}).size(), 2u);
  EXPECT_EQ(uploader.take({medium(1)}).size(), 0u);
}

TEST_F(AttachmentsOfSpans, MakeRoomOnceTheyAreUploaded) {
  otel::detail::AttachmentUploader uploader(settings(), 1000);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(uploader.take({medium(900)}).size(), 1u);
    EXPECT_TRUE(uploader.flush(std::chrono::steady_clock::now() + long_enough));
  }
  EXPECT_EQ(stored_attachments(receiver.server).size(), 3u);
}

TEST_F(AttachmentsOfSpans, AreNotTakenOnceNothingWillEverBeLetIn) {
  const Told told;
  options.api_key = "sk-wrong-key";
  otel::detail::AttachmentUploader uploader(settings());
  EXPECT_EQ(uploader.take({medium(10)}).size(), 1u);
  EXPECT_TRUE(uploader.flush(std::chrono::steady_clock::now() + long_enough));
  EXPECT_EQ(uploader.take({medium(10)}).size(), 0u);
  EXPECT_EQ(told.count(ErrorCode::unauthorized), 1u);
}

TEST_F(AttachmentsOfSpans, ThatAreStillUnderWayDoNotHoldUpTheShutdown) {
  receiver.server.on("/attachment", {{.deed = Deed::hang}});
  Tracing tracing(options);
  tracing.tracer().StartSpan("span", {{"braintrust.input_json", message_with(data_url)}})->End();
  ASSERT_TRUE(eventually([&] { return receiver.server.count("/attachment") == 1; }));
  EXPECT_FALSE(tracing.processor().ForceFlush(std::chrono::milliseconds(20)));
  EXPECT_FALSE(tracing.processor().Shutdown(std::chrono::milliseconds(20)));
  EXPECT_EQ(tracing.stats().sent, 1u);
}

}  // namespace
}  // namespace braintrust::test
