// Prompts with pictures and files in their variables.

#include <braintrust/api/prompt.h>

#include <gmock/gmock.h>

#include <braintrust/api/dataset.h>
#include <braintrust/trace/attachment.h>

#include "api/dataset_rows.h"
#include "core/base64.h"
#include "trace/backend.h"

namespace braintrust::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string picture = "\x89PNG bytes";

json picture_part(const json& url) { return {{"type", "image_url"}, {"image_url", {{"url", url}}}}; }

Prompt prompt_with(const json& content) {
  const json message = {{"role", "user"}, {"content", json::array_t{content}}};
  return *Prompt::from_row(
      {{"id", "prompt-1"},
       {"project_id", "project-1"},
       {"_xact_id", "1000"},
       {"slug", "look"},
       {"prompt_data",
        {{"prompt", {{"type", "chat"}, {"messages", json::array_t{message}}}}, {"options", {{"model", "gpt-5-mini"}}}}}});
}

json content_of(const BuiltPrompt& built) { return built.request["messages"][0]["content"]; }

struct PromptAttachments : testing::Test {
  // As a row of a dataset has it.
  json uploaded() {
    const auto dataset = init_dataset({.project = "P", .name = "D"});
    dataset.insert({.input = {{"image", Attachment::bytes(picture, {.content_type = "image/png"})}}});
    return rows_of(dataset).front().input["image"];
  }

  Backend backend;
  const std::string url = "data:image/png;base64," + base64::encode(picture);
};

TEST_F(PromptAttachments, AreReadAndPutInAsDataUrls) {
  const json image = uploaded();
  ASSERT_EQ(image["type"], "braintrust_attachment");
  const json variables = {{"image", image}, {"deep", {{"er", json::array_t{image}}}}};
  const auto built = prompt_with(picture_part("{{image}}")).build_with_attachments(variables);
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_EQ(content_of(*built), json::array({picture_part(url)}));
  const auto deep = prompt_with({{"type", "text"}, {"text", "{{deep.er.0}}"}}).build_with_attachments(variables);
  EXPECT_EQ(content_of(*deep)[0]["text"], url);
}

TEST_F(PromptAttachments, StandInSpansAsWhatTheyAre) {
  const json variables = {{"image", uploaded()}};
  const auto built = prompt_with(picture_part("{{image}}")).build_with_attachments(variables);
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_EQ(built->provenance["variables"], variables);
}

TEST_F(PromptAttachments, InAListBecomeAPartEach) {
  const json image = uploaded();
  const json variables = {{"images", {image, "https://h/1"}}};
  const Prompt prompt = prompt_with(picture_part("{{images}}"));
  EXPECT_EQ(content_of(*prompt.build(variables)), json::array({picture_part(image), picture_part("https://h/1")}));
  EXPECT_EQ(content_of(*prompt.build_with_attachments(variables)),
            json::array({picture_part(url), picture_part("https://h/1")}));
}

TEST_F(PromptAttachments, StayWhatTheyAreWhereNobodyAskedToReadThem) {
  const json external = {
      {"type", "external_attachment"}, {"url", "s3://b/k.pdf"}, {"filename", "k.pdf"}, {"content_type", "application/pdf"}};
  const json inline_one = {{"type", "inline_attachment"}, {"src", "https://h/1"}, {"content_type", "image/png"}};
  EXPECT_EQ(content_of(*prompt_with(picture_part(" {{x}} ")).build({{"x", external}})), json::array({picture_part(external)}));
  EXPECT_EQ(content_of(*prompt_with(picture_part("{{x}}")).build({{"x", inline_one}})),
            json::array({picture_part(inline_one)}));
  const auto file = prompt_with({{"type", "file"}, {"file", {{"file_data", "{{x}}"}, {"filename", "{{x.filename}}"}}}})
                        .build({{"x", external}});
  EXPECT_EQ(content_of(*file)[0]["file"], (json{{"file_data", external}, {"filename", "k.pdf"}}));
  const json no_reference = {{"type", "braintrust_attachment"}};
  EXPECT_EQ(content_of(*prompt_with(picture_part("{{x}}")).build({{"x", no_reference}})),
            json::array({picture_part(no_reference.dump())}));
}

TEST_F(PromptAttachments, ThatCannotBeReadAreAnError) {
  const json gone = {{"type", "braintrust_attachment"}, {"key", "nobody"}, {"filename", "x"}, {"content_type", "image/png"}};
  const auto built = prompt_with(picture_part("{{x}}")).build_with_attachments({{"x", {{"inner", gone}}}});
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, ErrorCode::not_found);
  EXPECT_THAT(built.error().message, HasSubstr("prompt \"look\""));
}

TEST(PromptAttachmentsOnTheWire, AreReadOverTheConnectionOfThePrompt) {
  ScriptedServer server;
  play_braintrust(server, {.api_key = "theirs"});
  const json row = {
      {"id", "i"},
      {"prompt_data", {{"prompt", {{"type", "completion"}, {"content", "{{x}}"}}}, {"options", {{"model", "m"}}}}}};
  server.on("/v1/prompt/i", {{.body = row.dump()}});
  server.on("/attachment",
            {{.body = json{{"downloadUrl", server.url() + "/file"}, {"status", {{"upload_status", "done"}}}}.dump()}});
  server.on("/file", {{.body = "content"}});
  const auto prompt = load_prompt({.id = "i", .connection = {.api_key = "theirs", .app_url = server.url()}});
  ASSERT_TRUE(prompt) << prompt.error().message;
  const auto built = prompt->build_with_attachments({{"x", {{"type", "braintrust_attachment"}, {"key", "k"}}}});
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_EQ(built->request["prompt"], "data:application/octet-stream;base64," + base64::encode("content"));
  EXPECT_EQ(server.requests("/attachment").at(0).headers.at("authorization"), "Bearer theirs");
}

}  // namespace
}  // namespace braintrust::test
