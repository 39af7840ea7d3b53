// The HTTP client against a server that misbehaves.

#include "pipeline/http.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <braintrust/version.h>

#include "support/scripted_server.h"

namespace braintrust::pipeline {
namespace {

using std::chrono::milliseconds;
using test::Deed;
using test::ScriptedServer;

class HttpTest : public testing::Test {
 protected:
  HttpResponse ask(HttpRequest request) {
    std::optional<HttpResponse> answer;
    client.submit(std::move(request), [&](HttpResponse response) { answer = std::move(response); });
    while (!answer) client.poll(milliseconds(1000));
    return *answer;
  }

  ScriptedServer server;
  HttpClient client{NetworkEnvironment{}};
};

TEST_F(HttpTest, SendsWhatItWasGivenAndReturnsTheAnswer) {
  server.on("/p", {{.status = 201, .body = "hello", .headers = {{"Retry-After", " 7 "}}}});
  const HttpResponse answer = ask({.method = "POST",
                                   .url = server.url() + "/p?q=1",
                                   .headers = {{"X-One", "1"}, {"X-Empty", ""}},
                                   .body = std::string("a\0b", 3)});
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(answer.retry_after, "7");
  const auto seen = server.requests().at(0);
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/p?q=1");
  EXPECT_EQ(seen.body, std::string("a\0b", 3));
  EXPECT_EQ(seen.headers.at("x-one"), "1");
  EXPECT_EQ(seen.headers.at("x-empty"), "");
  EXPECT_EQ(seen.headers.at("user-agent"), "braintrust-cpp/" BRAINTRUST_VERSION);
  EXPECT_FALSE(seen.headers.contains("content-type")) << "libcurl's own guess must not be sent";
}

TEST_F(HttpTest, SendsWhatMustArriveOnceNoSecondTimeWhenAKeptConnectionDies) {
  server.on("/ok", {{}});
  server.on("/once", {{.deed = Deed::drop}});
  EXPECT_EQ(ask({.method = "POST", .url = server.url() + "/ok", .body = "x"}).status, 200);
  EXPECT_EQ(ask({.method = "POST", .url = server.url() + "/once", .body = "x", .only_once = true}).status, 0);
  EXPECT_EQ(server.count("/once"), 1u);
}

TEST_F(HttpTest, PutsAndPostsLargeBodiesWithoutAskingFirst) {
  server.on("/put", {{}});
  const std::string body(5'000'000, 'x');
  EXPECT_EQ(ask({.method = "PUT", .url = server.url() + "/put", .borrowed_body = body}).status, 200);
  EXPECT_EQ(server.requests().at(0).method, "PUT");
  EXPECT_EQ(server.requests().at(0).body, body);
  EXPECT_FALSE(server.requests().at(0).headers.contains("expect"));
  server.on("/empty", {{}});
  EXPECT_EQ(ask({.method = "POST", .url = server.url() + "/empty"}).status, 200);
  EXPECT_EQ(server.requests().at(1).headers.at("content-length"), "0");
}

TEST_F(HttpTest, KeepsItsConnection) {
  server.on("/p", {{}});
  for (int request = 0; request < 3; ++request) ask({.url = server.url() + "/p"});
  for (const auto& seen : server.requests()) EXPECT_EQ(seen.connection, 0);
}

TEST_F(HttpTest, RunsSeveralRequestsAtATime) {
  server.on("/hang", {{.deed = Deed::hang}});
  server.on("/p", {{}});
  bool hung_answered = false;
  client.submit({.url = server.url() + "/hang"}, [&](const HttpResponse&) { hung_answered = true; });
  EXPECT_EQ(ask({.url = server.url() + "/p"}).status, 200);
  EXPECT_FALSE(hung_answered);
}

TEST_F(HttpTest, SaysWhyThereIsNoAnswer) {
  server.on("/drop", {{.deed = Deed::drop}});
  server.on("/reset", {{.deed = Deed::reset}});
  server.on("/truncate", {{.deed = Deed::truncate}});
  server.on("/hang", {{.deed = Deed::hang}});
  for (const char* path : {"/drop", "/reset", "/truncate"}) {
    const HttpResponse answer = ask({.url = server.url() + path});
    EXPECT_EQ(answer.status, 0) << path;
    EXPECT_FALSE(answer.error.empty()) << path;
  }
  EXPECT_EQ(ask({.url = server.url() + "/hang", .timeout = milliseconds(50)}).status, 0);
  EXPECT_EQ(ask({.url = "http://127.0.0.1:" + std::to_string(test::free_port())}).status, 0);
  EXPECT_EQ(ask({.url = "http://no-such-host.invalid/"}).status, 0);
  EXPECT_EQ(ask({.url = "not a url"}).status, 0);
  EXPECT_EQ(ask({.url = "file:///etc/hostname"}).status, 0) << "only http and https";
}

TEST_F(HttpTest, ReadsAnAnswerThatTrickles) {
  server.on("/p", {{.body = "slowly", .deed = Deed::trickle}});
  EXPECT_EQ(ask({.url = server.url() + "/p"}).body, "slowly");
}

TEST_F(HttpTest, DoesNotFollowARedirect) {
  ScriptedServer other;
  server.on("/p", {{.status = 307, .headers = {{"Location", other.url() + "/q"}}}});
  const HttpResponse answer = ask({.url = server.url() + "/p", .headers = {{"Authorization", "Bearer k"}}});
  EXPECT_EQ(answer.status, 307);
  EXPECT_EQ(answer.location, other.url() + "/q");
  EXPECT_EQ(other.count(), 0U);
}

TEST_F(HttpTest, DoesNotLetAHeaderSayTwo) {
  server.on("/p", {{}});
  ask({.url = server.url() + "/p", .headers = {{"x-bt-org-name", "a\r\nX-Evil: 1"}}});
  EXPECT_FALSE(server.requests().at(0).headers.contains("x-evil"));
}

TEST_F(HttpTest, SendsAForm) {
  server.on("/form", {{}});
  ask({.method = "POST",
       .url = server.url() + "/form",
       .borrowed_body = "{\"rows\":[]}",
       .form = {{"key", "k"}, {"policy", "p"}},
       .form_file_type = "application/json"});
  const auto seen = server.requests().at(0);
  EXPECT_EQ(seen.headers.at("content-type").rfind("multipart/form-data; boundary=", 0), 0U);
  const std::size_t key = seen.body.find("name=\"key\""), policy = seen.body.find("name=\"policy\""),
                    file = seen.body.find("name=\"file\"");
  EXPECT_LT(key, policy);
  EXPECT_LT(policy, file);
  ASSERT_NE(file, std::string::npos);
  EXPECT_NE(seen.body.find("Content-Type: application/json\r\n", file), std::string::npos);
  EXPECT_NE(seen.body.find("{\"rows\":[]}", file), std::string::npos);
}

TEST_F(HttpTest, ForgetsACancelledRequest) {
  server.on("/hang", {{.deed = Deed::hang}});
  client.submit({.url = server.url() + "/hang"}, [](const HttpResponse&) { FAIL(); });
  client.poll(milliseconds(1));
  client.cancel_all();
  client.poll(milliseconds(1));
}

TEST_F(HttpTest, WakesAPollThatWaits) {
  client.wakeup();
  client.poll(std::chrono::hours(1));  // or the test never ends
}

TEST(Proxy, IsTheOneOfTheScheme) {
  const NetworkEnvironment network{.http_proxy = "http://a", .https_proxy = "http://b", .all_proxy = "http://c"};
  EXPECT_EQ(network.proxy_for("http://x"), "http://a");
  EXPECT_EQ(network.proxy_for("HTTPS://x"), "http://b");
  EXPECT_EQ(NetworkEnvironment{.all_proxy = "http://c"}.proxy_for("https://x"), "http://c");
  EXPECT_EQ(NetworkEnvironment{.http_proxy = "http://a"}.proxy_for("https://x"), "");
}

TEST(Proxy, IsAskedUnlessTheHostIsExcluded) {
  ScriptedServer proxy, server;
  server.on("/p", {{.status = 201}});
  proxy.on("http://nowhere.invalid/p", {{.status = 202}});
  HttpClient client(NetworkEnvironment{.http_proxy = proxy.url(), .no_proxy = "127.0.0.1"});
  std::vector<int> statuses;
  for (const std::string& url : {std::string("http://nowhere.invalid/p"), server.url() + "/p"}) {
    client.submit({.url = url}, [&](const HttpResponse& response) { statuses.push_back(response.status); });
    const std::size_t before = statuses.size();
    while (statuses.size() == before) client.poll(milliseconds(1000));
  }
  EXPECT_EQ(statuses, (std::vector<int>{202, 201}));
}

TEST(Proxy, OfTheEnvironmentIsNotReadBehindOurBack) {
  ScriptedServer server;
  server.on("/p", {{.status = 201}});
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  ::setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
  HttpClient client(NetworkEnvironment{});
  int status = -1;
  client.submit({.url = server.url() + "/p"}, [&](const HttpResponse& response) { status = response.status; });
  while (status < 0) client.poll(milliseconds(1000));
  ::unsetenv("http_proxy");
  ::unsetenv("ALL_PROXY");
  EXPECT_EQ(status, 201);
}

TEST(Url, IsJoinedWithOneSlash) {
  for (const char* base : {"https://h/x", "https://h/x/", "https://h/x//"}) {
    for (const char* path : {"logs3", "/logs3"}) EXPECT_EQ(join_url(base, path), "https://h/x/logs3");
  }
}

TEST(Url, HasAnOriginWithoutSecrets) {
  EXPECT_EQ(origin_of("HTTPS://user:pass@Host.example:8443/p?key=1#f"), "https://host.example:8443");
  EXPECT_EQ(origin_of("http://h"), "http://h");
  EXPECT_EQ(origin_of("http://h?x=@y"), "http://h");
  EXPECT_EQ(origin_of("ftp://h/"), "");
  EXPECT_EQ(origin_of("h"), "");
}

}  // namespace
}  // namespace braintrust::pipeline
