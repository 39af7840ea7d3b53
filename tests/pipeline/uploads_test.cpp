// Attachments on their way to servers that answer late, wrongly, or not at all. Source of the scenarios: INST 18.67 to 18.75.

#include "pipeline/uploads.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/courier.h"
#include "pipeline/media_gate.h"
#include "support/fake_braintrust.h"
#include "support/told.h"
#include "trace/ids.h"

namespace braintrust::pipeline {
namespace {

using std::chrono::milliseconds;
using test::Answer;
using test::Deed;
using test::FakeBraintrust;
using test::reported_attachments;
using test::ScriptedServer;
using test::ServerRequest;
using test::stored_attachments;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using Json = nlohmann::json;

const Json done = {{"upload_status", "done"}};

class UploadsTest : public testing::Test {
 protected:
  UploadsTest() {
    play_braintrust(server);
    play_attachments(server, store);
    settings.api_key = FakeBraintrust().api_key;
    settings.app_url = server.url();
    settings.project = "p";
    settings.retry_wait = milliseconds(1);
    media_gate.set_wanted(true);
  }

  Courier& courier() {
    if (!started) started = std::make_unique<Courier>(settings, counters, 64u << 20);
    return *started;
  }

  static Upload upload_of(std::string bytes, std::string filename = "cat.png", std::string content_type = "image/png") {
    auto shared = std::make_shared<const std::string>(std::move(bytes));
    return {.key = detail::random_row_id(),
            .content_type = std::move(content_type),
            .filename = std::move(filename),
            .held_bytes = shared->size(),
            .content = [shared]() -> Result<Upload::Bytes> { return shared; }};
  }
  // The key of an upload that the courier has from now on.
  std::string take(Upload upload) {
    const std::string key = to_string(upload.key);
    courier().take_upload(std::move(upload));
    return key;
  }
  std::string take(std::string bytes) { return take(upload_of(std::move(bytes))); }
  void take_row() {
    const std::string id = std::to_string(++last_id);
    const std::string text = R"({"id":")" + id + R"("})";
    courier().take({.destination = &logs, .id = {1, last_id}, .text = text});
  }

  // Steps until something is so; false when that takes so long that it will never be.
  template <class Condition>
  bool run_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      courier().seal();
      courier().step(milliseconds(20));
    }
    return true;
  }
  bool finish() {
    return run_until([&] { return courier().idle(); });
  }

  void expect_done(const std::string& key, const std::string& bytes) {
    EXPECT_EQ(stored_attachments(store)[key], bytes);
    EXPECT_THAT(reported_attachments(server)[key], ElementsAre(done));
  }
  // The one report of a failure, and that it holds nothing secret.
  std::string error_of(const std::string& key) {
    const auto reports = reported_attachments(server)[key];
    if (reports.size() != 1 || reports[0]["upload_status"] != "error") return "not one error but " + Json(reports).dump();
    return reports[0]["error_message"];
  }

  ScriptedServer server;  // Braintrust's
  ScriptedServer store;   // somebody else's
  test::Told told;
  Settings settings;
  Counters counters;
  Destination logs{ObjectType::project_logs, "", "p"};
  std::uint64_t last_id = 0;
  std::unique_ptr<Courier> started;
};

// --- the plain way

TEST_F(UploadsTest, AsksForAPlacePutsTheBytesThereAndReports) {
  const std::string bytes("\0\x89PNG\xFF", 6);
  const std::string key = take(bytes);
  ASSERT_TRUE(finish());
  const auto place = server.requests("/attachment").at(0);
  EXPECT_EQ(place.method, "POST");
  EXPECT_EQ(place.headers.at("authorization"), "Bearer " + settings.api_key);
  EXPECT_EQ(Json::parse(place.body),
            (Json{{"key", key}, {"filename", "cat.png"}, {"content_type", "image/png"}, {"org_id", "id of acme"}}));
  const auto put = store.requests("/store").at(0);
  EXPECT_EQ(put.method, "PUT");
  EXPECT_EQ(put.body, bytes);
  EXPECT_EQ(put.headers.at("content-type"), "image/png");
  EXPECT_EQ(put.headers.at("x-signed"), "yes");
  const auto status = server.requests("/attachment/status").at(0);
  EXPECT_EQ(status.headers.at("authorization"), "Bearer " + settings.api_key);
  EXPECT_EQ(Json::parse(status.body), (Json{{"key", key}, {"org_id", "id of acme"}, {"status", done}}));
  EXPECT_EQ(counters.uploads_sent.load(), 1U);
  EXPECT_EQ(counters.uploads_sent_bytes.load(), bytes.size());
  EXPECT_EQ(counters.uploads_held.load(), 0U);
  EXPECT_EQ(counters.oldest_upload.load(), 0U);
  EXPECT_TRUE(told.all().empty());
}

TEST_F(UploadsTest, TellsTheKeyToNobodyButBraintrust) {
  take("x");
  ASSERT_TRUE(finish());
  ASSERT_EQ(store.count(), 1U);
  const ServerRequest put = store.requests().at(0);
  for (const auto& [name, value] : put.headers) {
    EXPECT_THAT(value, testing::Not(HasSubstr(settings.api_key))) << name;
  }
  EXPECT_FALSE(put.headers.contains("authorization"));
}

TEST_F(UploadsTest, UploadsNothingAtAllAsAnEmptyObject) {
  const std::string key = take("");
  ASSERT_TRUE(finish());
  expect_done(key, "");
  EXPECT_EQ(store.requests("/store").at(0).headers.at("content-length"), "0");
}

TEST_F(UploadsTest, SendsTheTypeThatWasSignedWhenTheServerNamesOne) {
  server.on(
      "/attachment",
      {{.body =
            Json{{"signedUrl", store.url() + "/store?key=k"}, {"headers", {{"content-type", "application/signed"}}}}.dump()}});
  take("x");
  ASSERT_TRUE(finish());
  EXPECT_EQ(store.requests("/store").at(0).headers.at("content-type"), "application/signed");
}

TEST_F(UploadsTest, LogsInOnceForManyUploadsThatBeginTogether) {
  std::map<std::string, std::string> bytes;
  for (int i = 0; i < 40; ++i) {
    const std::string text = "bytes " + std::to_string(i);
    bytes[take(text)] = text;
  }
  ASSERT_TRUE(finish());
  EXPECT_EQ(server.count("/api/apikey/login"), 1U);
  EXPECT_EQ(stored_attachments(store), bytes);
  EXPECT_EQ(counters.uploads_sent.load(), 40U);
}

TEST_F(UploadsTest, PutsSeveralAtATimeButNotAll) {
  store.on("/store", {{.deed = Deed::hang}});
  for (int i = 0; i < 10; ++i) take("x");
  ASSERT_TRUE(run_until([&] { return store.count("/store") == 4; }));
  for (int i = 0; i < 5; ++i) courier().step(milliseconds(10));
  EXPECT_EQ(store.count("/store"), 4U);
  EXPECT_EQ(counters.uploads_held.load(), 10U);
}

// The bytes of a file are in memory only while they are sent.
TEST_F(UploadsTest, ReadsNoMoreIntoMemoryThanItsBound) {
  store.on("/store", {{.deed = Deed::hang}});
  int read = 0;
  for (int i = 0; i < 4; ++i) {
    Upload upload = upload_of("x");
    upload.loaded_bytes = most_attachment_bytes / 2;
    upload.content = [&read]() -> Result<Upload::Bytes> {
      ++read;
      return std::make_shared<const std::string>("x");
    };
    take(std::move(upload));
  }
  ASSERT_TRUE(run_until([&] { return store.count("/store") == 2; }));
  for (int i = 0; i < 5; ++i) courier().step(milliseconds(10));
  EXPECT_EQ(read, 2);
}

// --- rows first

TEST_F(UploadsTest, SendsRowsBeforeWhatTheyReferTo) {
  take_row();
  take("x");
  ASSERT_TRUE(finish());
  const auto seen = server.requests();
  const auto at = [&](const std::string& path) {
    return std::find_if(seen.begin(), seen.end(), [&](const ServerRequest& request) { return request.path == path; });
  };
  ASSERT_NE(at("/attachment"), seen.end());
  EXPECT_LT(at("/logs3"), at("/attachment"));
}

TEST_F(UploadsTest, WaitForTheRowsAsLongAsTheServerTakesNone) {
  server.on("/logs3", {{.status = 503}, {.status = 503}, {.status = 503}, {}});
  take_row();
  take("x");
  ASSERT_TRUE(finish());
  const auto seen = server.requests();
  const auto place = std::find_if(seen.begin(), seen.end(), [](const auto& request) { return request.path == "/attachment"; });
  EXPECT_EQ(std::count_if(seen.begin(), place, [](const auto& request) { return request.path == "/logs3"; }), 4);
}

TEST_F(UploadsTest, AreNotHeldUpByRowsThatCameLater) {
  const std::string key = take("x");
  server.on("/logs3", {{.deed = Deed::hang}});
  take_row();
  ASSERT_TRUE(run_until([&] { return counters.uploads_sent == 1; }));
  expect_done(key, "x");
}

// --- what is repeated, and what is not

struct Step {
  const char* name;
  const char* path;
};
void PrintTo(const Step& step, std::ostream* out) { *out << step.name; }

class EachStep : public UploadsTest, public testing::WithParamInterface<Step> {
 protected:
  ScriptedServer& host() { return std::string(GetParam().path) == "/store" ? store : server; }
  // The answers of the step, then what it answers on a good day.
  void answer(std::vector<Answer> answers) {
    Answer good;
    if (std::string(GetParam().path) == "/attachment") {
      good.body = Json{{"signedUrl", store.url() + "/store?key=" + to_string(upload.key)}}.dump();
    }
    answers.push_back(good);
    host().on(GetParam().path, std::move(answers));
  }
  Upload upload = upload_of("the bytes");
};
INSTANTIATE_TEST_SUITE_P(Uploads, EachStep,
                         testing::Values(Step{"Place", "/attachment"}, Step{"Bytes", "/store"},
                                         Step{"Report", "/attachment/status"}),
                         [](const auto& about) { return about.param.name; });

TEST_P(EachStep, IsRepeatedAfterAServerErrorUntilItSucceeds) {
  answer({{.status = 500}, {.status = 503, .headers = {{"Retry-After", "0"}}}, {.status = 502}});
  const std::string key = take(std::move(upload));
  ASSERT_TRUE(finish());
  EXPECT_EQ(host().count(GetParam().path), 4U);
  EXPECT_EQ(stored_attachments(store)[key], "the bytes");
  EXPECT_EQ(counters.uploads_sent.load(), 1U);
  EXPECT_TRUE(told.all().empty());
}

TEST_P(EachStep, IsRepeatedAfterALostConnection) {
  answer({{.deed = Deed::drop}, {.deed = Deed::reset}, {.deed = Deed::truncate}});
  const std::string key = take(std::move(upload));
  ASSERT_TRUE(finish());
  EXPECT_EQ(host().count(GetParam().path), 4U);
  EXPECT_EQ(stored_attachments(store)[key], "the bytes");
  EXPECT_EQ(counters.uploads_sent.load(), 1U);
}

TEST_P(EachStep, IsRepeatedWhenNoAnswerComes) {
  settings.request_timeout = milliseconds(300);
  answer({{.deed = Deed::hang}});
  take(std::move(upload));
  ASSERT_TRUE(finish());
  EXPECT_EQ(host().count(GetParam().path), 2U);
  EXPECT_EQ(counters.uploads_sent.load(), 1U);
}

TEST_P(EachStep, IsNotRepeatedAfterARefusal) {
  for (const int status : {400, 403, 404, 429, 302}) {
    const auto before = host().count(GetParam().path);
    Upload next = upload_of("x");
    answer({{.status = status}});
    const std::string key = take(std::move(next));
    ASSERT_TRUE(finish());
    EXPECT_EQ(host().count(GetParam().path), before + 1) << status;
  }
  EXPECT_EQ(counters.uploads_failed.load(), 5U);
  EXPECT_EQ(counters.uploads_sent.load(), 0U);
}

TEST_P(EachStep, IsRepeatedEightTimesAndNotMore) {
  host().on(GetParam().path, {{.status = 500}});
  const std::string key = take(std::move(upload));
  ASSERT_TRUE(finish());
  EXPECT_EQ(host().count(GetParam().path), 9U);
  EXPECT_EQ(counters.uploads_failed.load(), 1U);
  EXPECT_EQ(counters.uploads_held.load(), 0U);
}

TEST_F(UploadsTest, ReportAFailureWithItsReasonAndWithoutTheSignature) {
  store.on("/store", {{.status = 403, .body = "signature of sk-secret"}});
  const std::string key = take("x");
  ASSERT_TRUE(finish());
  EXPECT_EQ(error_of(key), store.url() + ": status 403");
  EXPECT_EQ(counters.uploads_failed.load(), 1U);
}

TEST_F(UploadsTest, TellOfSeveralFailuresOnceAndClosesTheGateForMedia) {
  store.on("/store", {{.status = 403}});
  for (int i = 0; i < 6; ++i) take("x");
  EXPECT_TRUE(media_gate.open());
  ASSERT_TRUE(finish());
  EXPECT_EQ(counters.uploads_failed.load(), 6U) << "those that were queued are still tried";
  EXPECT_EQ(told.all().size(), 1U);
  EXPECT_TRUE(told.mentions("cat.png"));
  EXPECT_TRUE(told.mentions("status 403"));
  EXPECT_FALSE(media_gate.open());
  media_gate.set_wanted(true);
  EXPECT_TRUE(media_gate.open()) << "a new logger tries anew";
}

TEST_F(UploadsTest, TellOfAReportThatFailsAndKeepTheGateOpen) {
  server.on("/attachment/status", {{.status = 400}});
  const std::string key = take("x");
  ASSERT_TRUE(finish());
  EXPECT_EQ(stored_attachments(store)[key], "x");
  EXPECT_TRUE(told.mentions("not reported"));
  EXPECT_TRUE(media_gate.open());
}

TEST_F(UploadsTest, FailAloneWhenTheirBytesCannotBeHad) {
  Upload unreadable = upload_of("x");
  unreadable.content = []() -> Result<Upload::Bytes> { return Error{ErrorCode::io, "cannot read /x: gone"}; };
  Upload thrower = upload_of("x");
  thrower.content = []() -> Result<Upload::Bytes> { throw std::bad_alloc(); };
  const std::string first = take(std::move(unreadable)), second = take(std::move(thrower)), third = take("good");
  ASSERT_TRUE(finish());
  EXPECT_EQ(error_of(first), "cannot read /x: gone");
  EXPECT_EQ(error_of(second), std::bad_alloc().what());
  expect_done(third, "good");
  EXPECT_EQ(server.count("/attachment"), 1U) << "no place is asked for what is not there";
  EXPECT_TRUE(told.mentions("cannot read /x"));
  EXPECT_TRUE(media_gate.open()) << "the way is not to blame";
}

TEST_F(UploadsTest, RefuseAPlaceThatIsNone) {
  const std::string endless =
      R"({"signedUrl":")" + store.url() + R"(/store","deep":)" + std::string(500'000, '[') + std::string(500'000, ']') + "}";
  for (const std::string& body : {std::string(), std::string("[]"), std::string("{}"), std::string(R"({"signedUrl":1})"),
                                  std::string(R"({"signedUrl":"file:///etc/passwd"})"), std::string("not json"), endless}) {
    server.on("/attachment", {{.body = body}});
    const std::string key = take("x");
    ASSERT_TRUE(finish());
    EXPECT_THAT(error_of(key), HasSubstr("names no place")) << body.substr(0, 80);
  }
  EXPECT_EQ(store.count(), 0U);
}

TEST_F(UploadsTest, DoNotFollowARedirectOfTheStore) {
  ScriptedServer elsewhere;
  store.on("/store", {{.status = 307, .headers = {{"Location", elsewhere.url() + "/x"}}}});
  take("x");
  ASSERT_TRUE(finish());
  EXPECT_EQ(elsewhere.count(), 0U);
}

TEST_F(UploadsTest, LogInAgainOnceWhenTheKeyIsRefused) {
  server.handle("/attachment", [&, first = true](const ServerRequest& request) mutable {
    if (std::exchange(first, false)) return Answer{.status = 401};
    return Answer{
        .body = Json{{"signedUrl", store.url() + "/store?key=" + Json::parse(request.body)["key"].get<std::string>()}}.dump()};
  });
  const std::string key = take("x");
  ASSERT_TRUE(finish());
  expect_done(key, "x");
  EXPECT_EQ(server.count("/api/apikey/login"), 2U);
}

TEST_F(UploadsTest, DoNotTakeTheRowsDownWithThemWhenOnlyTheyAreRefused) {
  server.on("/attachment", {{.status = 401}});
  for (int i = 0; i < 3; ++i) {
    take("x");
    take_row();
  }
  ASSERT_TRUE(finish());
  EXPECT_EQ(counters.uploads_failed.load(), 3U);
  EXPECT_EQ(counters.sent_rows.load(), 3U);
  EXPECT_FALSE(courier().hopeless());
  EXPECT_LE(server.count("/api/apikey/login"), 2U);
}

TEST_F(UploadsTest, AreCountedAsClosedWhenGivenUp) {
  store.on("/store", {{.deed = Deed::hang}});
  std::weak_ptr<const void> charge;
  for (int i = 0; i < 6; ++i) {
    Upload upload = upload_of("x");
    upload.charge = std::make_shared<int>(1);
    charge = upload.charge;
    take(std::move(upload));
  }
  ASSERT_TRUE(run_until([&] { return store.count("/store") == 4; }));
  EXPECT_FALSE(courier().idle());
  courier().give_up();
  EXPECT_TRUE(courier().idle());
  EXPECT_EQ(counters.uploads_closed.load(), 6U);
  EXPECT_EQ(counters.uploads_held.load(), 0U);
  EXPECT_TRUE(charge.expired());
}

// --- the hosts of Azure

class UploadsThroughAProxy : public UploadsTest {
 protected:
  // The headers of the PUT to a signed URL on `host`; a proxy stands in for all hosts.
  std::map<std::string, std::string> headers_for(const std::string& host) {
    ScriptedServer proxy;
    proxy.on("http://" + host + "/blob", {{.status = 201}});
    server.on("/attachment", {{.body = Json{{"signedUrl", "http://" + host + "/blob?sig=1"}}.dump()}});
    HttpClient http(NetworkEnvironment{.http_proxy = proxy.url(), .no_proxy = "127.0.0.1"});
    Session session(settings, http);
    Uploads uploads(settings, http, session, counters);
    uploads.take(upload_of("x"));
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!uploads.idle() && std::chrono::steady_clock::now() < end) {
      session.step(Uploads::Clock::now());
      if (session.ready()) uploads.step(Uploads::Clock::now(), Uploads::Clock::time_point::max());
      http.poll(milliseconds(10));
    }
    return proxy.requests().empty() ? std::map<std::string, std::string>() : proxy.requests().at(0).headers;
  }
};

TEST_F(UploadsThroughAProxy, SayWhatAzureWantsToAzureOnly) {
  for (const char* const host :
       {"acme.blob.core.windows.net", "ACME.Blob.Core.Windows.Net", "acme.blob.core.windows.net:8080"}) {
    const auto headers = headers_for(host);
    ASSERT_TRUE(headers.contains("x-ms-blob-type")) << host;
    EXPECT_EQ(headers.at("x-ms-blob-type"), "BlockBlob");
  }
  for (const char* const host : {"bucket.s3.amazonaws.com", "acme.blob.core.windows.net.evil.example", "blob.core.windows.net",
                                 "evilblob.core.windows.net"}) {
    const auto headers = headers_for(host);
    ASSERT_TRUE(headers.contains("content-type")) << host;
    EXPECT_FALSE(headers.contains("x-ms-blob-type")) << host;
  }
}

}  // namespace
}  // namespace braintrust::pipeline
