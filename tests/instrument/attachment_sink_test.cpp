// Media of model calls, from the payload in which they were found to the store: INST 18.64, 18.70, 18.72.

#include "instrument/attachment_sink.h"

#include <array>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <braintrust/tracing.h>

#include "core/base64.h"
#include "pipeline/media_gate.h"
#include "support/told.h"
#include "trace/backend.h"
#include "trace/capture.h"
#include "trace/pending_attachments.h"

namespace braintrust::instrument {
namespace {

using detail::pending_attachments;
using test::long_enough;
using test::Row;
using test::ScriptedServer;
using test::stored_attachments;
using test::Told;
using test::Variables;

const std::string png = "\x89PNG\r\n\x1A\n and some bytes";

std::string data_url(const std::string& bytes) { return "data:image/png;base64," + base64::encode(bytes); }

// What a dialect does with a request, on the background thread.
void interpret(std::string_view payload, detail::Buffer& fields) {
  constexpr std::array<llm::MediaFormat, 1> formats = {llm::data_urls};
  append_text(fields, detail::FieldKind::input, llm::with_references(std::string(payload), formats, attachment_sink()));
}

class AttachmentSinkTest : public testing::Test {
 protected:
  AttachmentSinkTest() { play_attachments(wire.server, store); }
  ~AttachmentSinkTest() override { set_masking_function({}); }

  // The input of a span whose payload this was.
  Row input_of(const Row& payload) {
    const std::string name = "call " + std::to_string(++calls);
    {
      auto span = wire.logger.start_span(name);
      log_deferred(span.handle().ref(), interpret, {payload.dump()});
    }
    return test::only_row(wire.rows(), name)["input"];
  }

  ScriptedServer store;
  test::Wire wire;
  int calls = 0;
};

TEST_F(AttachmentSinkTest, MediaBecomeReferencesAndAreUploaded) {
  const Row input = input_of({{"image", data_url(png)}, {"file", {{"filename", "a.png"}, {"file_data", data_url(png + "2")}}}});
  EXPECT_EQ(input["image"]["type"], "braintrust_attachment");
  EXPECT_EQ(input["image"]["content_type"], "image/png");
  EXPECT_EQ(input["image"]["filename"], "attachment.png");
  EXPECT_EQ(input["file"]["file_data"]["filename"], "a.png");
  auto stored = stored_attachments(store);
  EXPECT_EQ(stored.size(), 2U);
  EXPECT_EQ(stored[input["image"]["key"]], png);
  EXPECT_EQ(stored[input["file"]["file_data"]["key"]], png + "2");
}

TEST_F(AttachmentSinkTest, MediaStayWhereTheyAreWhenNotAllFindRoom) {
  const std::size_t before = pending_attachments().held_bytes();
  const Json filler = Attachment::bytes(std::string((64u << 20) - before - 4 * 512 - 1000, 'x'));
  const Row small = {data_url(png + std::string(600, '1'))}, two = {small[0], data_url(png + std::string(3000, '2'))};
  EXPECT_EQ(input_of(two), two);
  EXPECT_EQ(store.count(), 0U);
  EXPECT_EQ(input_of(small)[0]["type"], "braintrust_attachment") << "one alone fits";
  { wire.logger.start_span("room again").log({.input = filler}); }
  wire.logger.flush(long_enough);
  EXPECT_EQ(input_of(two)[1]["type"], "braintrust_attachment");
}

TEST_F(AttachmentSinkTest, MediaThatMaskingTookOutAreForgottenAtOnce) {
  set_masking_function([](const Row& value) { return value.is_array() ? Row("masked") : value; });
  const std::size_t before = pending_attachments().held_bytes();
  EXPECT_EQ(input_of({data_url(png)}), "masked");
  EXPECT_EQ(store.count(), 0U);
  EXPECT_EQ(pending_attachments().held_bytes(), before);
}

TEST_F(AttachmentSinkTest, AFailedUploadIsToldOnceAndLeavesTheNextMediaInTheirRows) {
  const Told told;
  store.on("/store", {{.status = 403}});
  EXPECT_EQ(input_of({data_url(png)})[0]["type"], "braintrust_attachment");
  ASSERT_TRUE(test::eventually([&] { return wire.logger.stats().attachments.failed == 1; }));
  EXPECT_EQ(input_of({data_url(png)})[0], data_url(png));
  EXPECT_EQ(input_of({data_url(png)})[0], data_url(png));
  EXPECT_EQ(told.all().size(), 1U);
  EXPECT_EQ(store.count("/store"), 1U);
}

TEST(AttachmentSink, IsSwitchedOffByItsVariable) {
  {
    const Variables variables(Variables::Values{{"BRAINTRUST_AUTO_CONVERT_AI_ATTACHMENTS", "false"}});
    const test::Wire wire;
    EXPECT_EQ(attachment_sink(), nullptr);
  }
  for (const char* const value : {"", "true"}) {
    const Variables variables(Variables::Values{{"BRAINTRUST_AUTO_CONVERT_AI_ATTACHMENTS", value}});
    const test::Wire wire;
    EXPECT_NE(attachment_sink(), nullptr);
  }
}

}  // namespace
}  // namespace braintrust::instrument
