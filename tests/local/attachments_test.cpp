// Attachments at the local backend: in by the three steps of an upload, out by their key, and in a trace's picture.

#include "local/attachments.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <braintrust/local/draw.h>
#include <braintrust/local/server.h>
#include <braintrust/tracing.h>

#include "local/attachment_text.h"
#include "local/http_client.h"
#include "local/must.h"
#include "local/temporary_folder.h"
#include "local/trace_tree.h"

namespace braintrust::local {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string bytes("\x89PNG\0\xFF<html>", 12);

class LocalAttachments : public testing::Test {
 protected:
  json begin(const std::string& key, const std::string& type = "image/png") {
    return json::parse(
        client_.post("/attachment", json{{"key", key}, {"filename", "cat.png"}, {"content_type", type}, {"org_id", "o"}}.dump())
            .body);
  }
  long report(const std::string& key, const json& status) {
    return client_.post("/attachment/status", json{{"key", key}, {"org_id", "o"}, {"status", status}}.dump()).status;
  }

  Server server_ = must(Server::start());
  HttpClient client_{server_.url()};
  HttpClient without_key_{server_.url(), ""};
};

TEST_F(LocalAttachments, AreUploadedWithASignedUrlAndReadAgain) {
  const std::string url = begin("k-1").at("signedUrl");
  EXPECT_THAT(url, HasSubstr(server_.url()));
  EXPECT_EQ(json::parse(client_.get("/attachment?key=k-1").body).at("status").at("upload_status"), "uploading");
  EXPECT_EQ(without_key_.put(url, bytes).status, 200);
  EXPECT_EQ(report("k-1", {{"upload_status", "done"}}), 200);
  const auto found = json::parse(client_.get("/attachment?key=k-1&filename=cat.png&content_type=image/png&org_id=o").body);
  EXPECT_EQ(found.at("status"), (json{{"upload_status", "done"}}));
  const auto read = without_key_.request("GET", found.at("downloadUrl"), nullptr);
  EXPECT_EQ(read.status, 200);
  EXPECT_EQ(read.body, bytes);
  EXPECT_EQ(must(server_.store().attachment("k-1")).size, bytes.size());
  EXPECT_EQ(must(server_.store().attachment_bytes("k-1")), bytes);
}

TEST_F(LocalAttachments, SayWhyTheyAreNotThere) {
  begin("k");
  EXPECT_EQ(report("k", {{"upload_status", "error"}, {"error_message", "disk full"}}), 200);
  EXPECT_EQ(json::parse(client_.get("/attachment?key=k").body).at("status"),
            (json{{"upload_status", "error"}, {"error_message", "disk full"}}));
  EXPECT_EQ(must(server_.store().attachment("k")).error, "disk full");
  EXPECT_EQ(client_.get("/attachment?key=other").status, 404);
  EXPECT_EQ(client_.get("/attachment?url=s3://x").status, 400);
  EXPECT_EQ(report("other", {{"upload_status", "done"}}), 404);
  EXPECT_EQ(server_.store().attachment_bytes("k").error().code, ErrorCode::not_found);
}

TEST_F(LocalAttachments, AreBegunAgainWhenARequestIsRepeated) {
  const auto first = begin("k");
  EXPECT_EQ(begin("k"), first);
  EXPECT_EQ(without_key_.put(first.at("signedUrl"), "one").status, 200);
  EXPECT_EQ(without_key_.put(first.at("signedUrl"), "two").status, 200);
  EXPECT_EQ(must(server_.store().attachment_bytes("k")), "two");
}

TEST_F(LocalAttachments, WantAKeyOrAToken) {
  for (const char* path : {"/attachment", "/attachment/status"}) EXPECT_EQ(without_key_.post(path, "{}").status, 401) << path;
  EXPECT_EQ(without_key_.get("/attachment?key=k").status, 401);
  begin("k");
  const std::string url = server_.url() + "/attachment/content/k";
  for (const std::string token : {"", "?token=", "?token=wrong"}) {
    EXPECT_EQ(without_key_.put(url + token, "x").status, 403);
    EXPECT_EQ(without_key_.request("GET", url + token, nullptr).status, 403);
  }
}

TEST_F(LocalAttachments, RefuseWhatIsNoRequest) {
  for (const char* body :
       {"", "[]", "{}", R"({"key":"a/b","filename":"f","content_type":"t"})", R"({"key":"k","filename":"f"})",
        R"({"key":"k","filename":"f","content_type":"a\r\nb: c"})", R"({"key":1,"filename":2,"content_type":3})"}) {
    EXPECT_EQ(client_.post("/attachment", body).status, 400) << body;
  }
  for (const char* body :
       {"", "[]", "{}", R"({"key":"k","status":"done"})", R"({"key":"k","status":{"upload_status":"lost"}})"}) {
    EXPECT_EQ(client_.post("/attachment/status", body).status, 400) << body;
  }
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  EXPECT_EQ(client_.post("/attachment/status", R"({"key":"k","status":)" + deep + "}").status, 400);
}

// Otherwise a page among the attachments could read every trace with a key of its own making.
TEST_F(LocalAttachments, AreServedSoThatNoPageAmongThemRuns) {
  const std::string url = begin("page", "text/html").at("signedUrl");
  without_key_.put(url, "<script>alert(1)</script>");
  HttpClient with_headers(server_.url(), "");
  const auto headers = with_headers.headers_of(json::parse(client_.get("/attachment?key=page").body).at("downloadUrl"));
  EXPECT_THAT(headers, HasSubstr("Content-Security-Policy: sandbox"));
  EXPECT_THAT(headers, HasSubstr("X-Content-Type-Options: nosniff"));
  EXPECT_THAT(headers, HasSubstr("Content-Type: text/html"));
}

TEST(LocalAttachmentTable, ForgetsTheOldestBeyondItsBound) {
  Database database(":memory:", 1000);
  database.run(attachments_schema);
  for (const std::string key : {"a", "b", "c"}) {
    const auto token = begin_attachment(database, key, "f", "t", 0);
    EXPECT_TRUE(put_attachment(database, key, token, std::string(40, 'x'), 100));
  }
  EXPECT_FALSE(find_attachment(database, "a"));
  EXPECT_TRUE(find_attachment(database, "b"));
  const auto token = begin_attachment(database, "large", "f", "t", 0);
  EXPECT_TRUE(put_attachment(database, "large", token, std::string(200, 'x'), 100));
  EXPECT_EQ(attachment_bytes(database, "large")->size(), 200U) << "the newest stays";
  EXPECT_FALSE(find_attachment(database, "c"));
}

TEST(LocalAttachmentTable, IsAddedToADatabaseThatWasMadeBeforeThereWereAny) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "old.db";
  {
    auto store = must(Store::open(path));
    must(store.register_project("p"));
  }
  {
    Database database(path, 1000);
    database.run("DROP TABLE attachments; ALTER TABLE rows DROP COLUMN exec_counter; PRAGMA user_version = 1");
  }
  auto store = must(Store::open(path));
  EXPECT_TRUE(store.begin_attachment("k", "f", "t"));
}

// --- in a trace's picture

TEST_F(LocalAttachments, StandInTheTreeWithTypeNameAndSize) {
  auto logger = init_logger({.project = "p", .api_key = "any", .app_url = server_.url(), .set_current = false});
  {
    auto span = logger.start_span("draw");
    span.log({.input = Attachment::bytes(std::string(12'345, 'x'), {.filename = "cat.png"}),
              .output = {{"list", Json::array({1, ExternalAttachment{.url = "s3://b/movie.mp4"}})}}});
  }
  ASSERT_TRUE(logger.flush(std::chrono::seconds(60)).complete());
  const auto traces = must(server_.traces());
  const auto picture = must(draw_trace(server_.store(), traces.at(0).root_span_id));
  EXPECT_THAT(picture, HasSubstr("in     [image/png cat.png 12 KB]\n"));
  EXPECT_THAT(picture, HasSubstr(R"({"list":[1,"[video/mp4 s3://b/movie.mp4]"]})"));
  logger.shutdown(std::chrono::seconds(60));
}

TEST(LocalAttachmentText, StandsForThePartOfAMessageThatHoldsIt) {
  const json reference = {
      {"type", "braintrust_attachment"}, {"content_type", "image/png"}, {"filename", "a.png"}, {"key", "k"}};
  const json row = {{"id", "1"},
                    {"span_id", "1"},
                    {"span_attributes", {{"name", "call"}, {"type", "llm"}}},
                    {"input",
                     {{{"role", "user"},
                       {"content",
                        {{{"type", "text"}, {"text", "What is it?"}},
                         {{"type", "image_url"}, {"image_url", {{"url", reference}, {"detail", "low"}}}},
                         {{"type", "file"}}}}}}}};
  const auto input = [&](const AttachmentSize& size_of) {
    return build_tree(json::array({row}).dump(), size_of).spans.at(0).input;
  };
  EXPECT_EQ(input({}), "user: What is it? [image/png a.png] [file]");
  EXPECT_EQ(input([](std::string_view) { return std::size_t{999}; }), "user: What is it? [image/png a.png 999 B] [file]");
  EXPECT_EQ(input([](std::string_view) { return std::nullopt; }), "user: What is it? [image/png a.png, not uploaded] [file]");
}

TEST(LocalAttachmentText, GivesSizesInThreeDigits) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1000), "1 KB");
  EXPECT_EQ(size_text(999'499), "999 KB");
  EXPECT_EQ(size_text(999'500), "1.0 MB");
  EXPECT_EQ(size_text(64u << 20), "67 MB");
}

}  // namespace
}  // namespace braintrust::local
