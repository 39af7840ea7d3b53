#include <braintrust/local/server.h>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/gzip.h"
#include "local/http_client.h"
#include "local/http_listener.h"
#include "local/must.h"
#include "local/temporary_folder.h"
#include "support/sanitized.h"

namespace braintrust::local {
namespace {

using nlohmann::json;
using testing::HasSubstr;

static_assert(std::is_aggregate_v<ServerOptions>);

json row(const std::string& id) {
  return {{"id", id}, {"project_id", "p"}, {"log_id", "g"}, {"span_id", id}, {"root_span_id", id}};
}
std::string body(const std::vector<json>& rows) { return json{{"rows", rows}, {"api_version", 2}}.dump(); }

class LocalServer : public testing::Test {
 protected:
  HttpClient client() { return HttpClient(server_.url()); }
  Server server_ = must(Server::start());
  HttpClient client_{server_.url()};
};

TEST_F(LocalServer, AnswersALoginWithItselfUnderTheNameItWasCalledBy) {
  const auto answer = client_.post("/api/apikey/login", "");
  ASSERT_EQ(answer.status, 200);
  const auto org = json::parse(answer.body).at("org_info").at(0);
  EXPECT_EQ(org.at("api_url"), server_.url());
  EXPECT_EQ(org.at("proxy_url"), server_.url());
  EXPECT_EQ(org.at("name"), "local");
  EXPECT_FALSE(org.at("id").get<std::string>().empty());

  HttpClient named("http://localhost:" + std::to_string(server_.port()));
  EXPECT_EQ(json::parse(named.post("/api/apikey/login", "").body).at("org_info").at(0).at("api_url"),
            "http://localhost:" + std::to_string(server_.port()));
}

TEST_F(LocalServer, WantsSomeKey) {
  HttpClient without(server_.url(), "");
  for (const char* path : {"/logs3", "/api/apikey/login", "/api/project/register", "/logs3/overflow", "/btql",
                           "/api/dataset/register", "/api/experiment/register", "/v1/prompt"}) {
    const auto answer = without.post(path, body({row("1")}));
    EXPECT_EQ(answer.status, 401) << path;
    EXPECT_THAT(answer.body, HasSubstr("no API key"));
  }
  EXPECT_EQ(without.get("/ping").status, 200);
  EXPECT_NE(without.get("/app/local/p/P/experiments/e").body.find("show --experiment"), std::string::npos);
  EXPECT_EQ(must(server_.store().row_count()), 0U);
  without.add_header("Authorization: Bearer  ");
  EXPECT_EQ(without.post("/logs3", body({row("1")})).status, 401);
}

TEST_F(LocalServer, MakesAProjectOnce) {
  const auto once =
      json::parse(client_.post("/api/project/register", R"({"project_name":"P","org_id":"o"})").body).at("project");
  EXPECT_EQ(once.at("name"), "P");
  EXPECT_EQ(json::parse(client_.post("/api/project/register", R"({"project_name":"P"})").body).at("project"), once);
  EXPECT_EQ(json::parse(client_.get("/api/project?id=" + once.at("id").get<std::string>()).body).at("name"), "P");
  EXPECT_EQ(client_.get("/api/project?id=other").status, 404);
  EXPECT_EQ(client_.post("/api/project/register", R"({"project_name":""})").status, 400);
  EXPECT_EQ(client_.post("/api/project/register", "{").status, 400);
}

TEST_F(LocalServer, SaysHowLargeARequestMayBeAndMeansIt) {
  const std::size_t limit = json::parse(client_.get("/version").body).at("logs3_payload_max_bytes");
  EXPECT_EQ(limit, 6U * 1024 * 1024);
  auto text = body({row("1")});
  text.resize(limit, ' ');
  EXPECT_EQ(client_.post("/logs3", text).status, 200);
  text = body({row("2")});
  text.resize(limit + 1, ' ');
  const auto answer = client_.post("/logs3", text);
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(json::parse(answer.body).at("error"), HasSubstr("/logs3/overflow"));
  EXPECT_EQ(must(server_.store().row_count()), 1U);
}

TEST_F(LocalServer, StoresRows) {
  const auto answer = client_.post("/logs3", body({row("1"), row("2")}));
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(must(server_.traces()).size(), 2U);
  EXPECT_EQ(json::parse(must(server_.rows_json("2"))).at(0).at("id"), "2");
}

TEST_F(LocalServer, RefusesABadBodyWholly) {
  const auto answer = client_.post("/logs3", body({row("1")}) + "}");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(json::parse(answer.body).at("error"), HasSubstr("not JSON"));
  EXPECT_EQ(client_.post("/logs3", body({row("1"), json{{"id", "2"}}})).status, 400);
  EXPECT_EQ(must(server_.store().row_count()), 0U);
}

TEST_F(LocalServer, AnswersUnknownPathsInJson) {
  for (const auto& answer :
       {client_.get("/nothing"), client_.get("/logs3"), client_.request("PATCH", server_.url() + "/logs3", nullptr),
        client_.request("DELETE", server_.url() + "/", nullptr)}) {
    EXPECT_EQ(answer.status, 404);
    EXPECT_THAT(json::parse(answer.body).at("error"), HasSubstr("does not know"));
  }
}

TEST_F(LocalServer, AnswersToLoopbackNamesOnly) {
  for (const char* host : {"localhost", "localhost:9", "127.0.0.1:1", "[::1]", "[::1]:80"}) {
    HttpClient named(server_.url());
    named.add_header(std::string("Host: ") + host);
    EXPECT_EQ(named.get("/ping").status, 200) << host;
  }
  for (const char* host : {"example.org", "example.org:80", "localhost.example.org", "127.0.0.1.example.org", "[::2]:1",
                           "0.0.0.0", "notlocalhost", "example-localhost:80", "1127.0.0.1"}) {
    HttpClient foreign(server_.url());
    foreign.add_header(std::string("Host: ") + host);
    EXPECT_EQ(foreign.get("/ping").status, 403) << host;
    EXPECT_EQ(foreign.post("/logs3", body({row("1")})).status, 403) << host;
  }
  EXPECT_EQ(must(server_.store().row_count()), 0U);
}

TEST_F(LocalServer, TakesABodyWhateverTypeItClaims) {
  std::vector<json> rows;
  for (int i = 0; i < 500; ++i) rows.push_back(row(std::to_string(i)));
  // curl's own default, which is no form here.
  client_.add_header("Content-Type: application/x-www-form-urlencoded");
  EXPECT_EQ(client_.post("/logs3", body(rows)).status, 200);
  EXPECT_EQ(must(server_.store().row_count()), 500U);
  HttpClient form(server_.url());
  form.add_header("Content-Type: multipart/form-data; boundary=x");
  EXPECT_EQ(form.post("/logs3", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n").status, 415);
  EXPECT_EQ(client_.get("/ping").status, 200);
}

TEST_F(LocalServer, TakesRowsThatWereUploadedApart) {
  const auto place =
      json::parse(client_.post("/logs3/overflow", R"({"content_type":"application/json","size_bytes":9,"rows":[]})").body);
  EXPECT_EQ(place.at("method"), "PUT");
  HttpClient without(server_.url(), "");
  const std::string url = place.at("signedUrl");
  auto large = row("1");
  large["input"] = std::string(8'000'000, 'x');
  EXPECT_EQ(without.put(url.substr(0, url.find('?')) + "?token=guessed", body({large})).status, 403);
  ASSERT_EQ(without.put(url, body({large})).status, 200);
  EXPECT_EQ(must(server_.store().row_count()), 0U);
  const json request = {{"rows", {{"type", "logs3_overflow"}, {"key", place.at("key")}}}, {"api_version", 2}};
  ASSERT_EQ(client_.post("/logs3", request.dump()).status, 200);
  EXPECT_EQ(json::parse(must(server_.rows_json())).at(0).at("input"), large.at("input"));
  EXPECT_EQ(client_.post("/logs3", R"({"rows":{"type":"logs3_overflow","key":"other"}})").status, 404);
}

TEST_F(LocalServer, ServesManyConnectionsThatStayOpen) {
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<HttpClient>(server_.url()));
    ASSERT_EQ(clients.back()->get("/ping").status, 200);
  }
  for (auto& one : clients) EXPECT_EQ(one->post("/logs3", body({row("1")})).status, 200);
}

TEST_F(LocalServer, StopsAtOnceThoughClientsKeepTheirConnections) {
  ASSERT_EQ(client_.get("/ping").status, 200);
  const auto begin = std::chrono::steady_clock::now();
  server_.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  EXPECT_EQ(client_.get("/ping").status, 0);
  server_.stop();
  EXPECT_EQ(must(server_.store().row_count()), 0U) << "what was stored stays readable";
}

TEST(LocalServerStart, KeepsItsRowsInTheFile) {
  const TemporaryFolder folder;
  {
    auto server = must(Server::start({.database = folder / "a.db"}));
    ASSERT_EQ(HttpClient(server.url()).post("/logs3", body({row("1")})).status, 200);
  }
  const auto server = must(Server::start({.database = folder / "a.db"}));
  EXPECT_EQ(must(server.store().row_count()), 1U);
}

TEST(LocalServerStart, RefusesAddressesThatOthersReachUnlessToldSo) {
  for (const char* host : {"0.0.0.0", "::", "192.168.0.1", "127.0.0.1.example.org", ""}) {
    const auto server = Server::start({.host = host});
    ASSERT_FALSE(server) << host;
    EXPECT_EQ(server.error().code, ErrorCode::invalid_argument);
  }
  const auto server = must(Server::start({.host = "0.0.0.0", .allow_remote = true}));
  HttpClient foreign("http://127.0.0.1:" + std::to_string(server.port()));
  foreign.add_header("Host: build-machine:80");
  EXPECT_EQ(foreign.get("/ping").status, 200);
}

TEST(LocalServerStart, SaysThatThePortIsTaken) {
  const auto first = must(Server::start());
  const auto second = Server::start({.port = first.port()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::io);
  EXPECT_THAT(second.error().message, HasSubstr("in use"));
}

TEST(LocalServerStart, ListensOnTheLoopbackOfTheNewProtocol) {
  const auto server = Server::start({.host = "::1"});
  if (!server) GTEST_SKIP() << "no IPv6 here: " << server.error().message;
  EXPECT_THAT(server->url(), HasSubstr("http://[::1]:"));
  EXPECT_EQ(HttpClient(server->url()).get("/ping").status, 200);
}

// A connection of our own, to send what no client library would.
// With `end`, says that nothing more will come.
std::string talk(int port, const std::string& text, bool end) {
  const int file = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    if (::send(file, text.data(), text.size(), MSG_NOSIGNAL) < 0) answer = "(not sent)";
    if (end) ::shutdown(file, SHUT_WR);
    char buffer[4096];
    for (ssize_t size; (size = ::recv(file, buffer, sizeof buffer, 0)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(size));
  }
  ::close(file);
  return answer;
}

// So many blanks, which are few bytes.
std::string gzip_of_blanks(std::size_t count) { return detail::gzip(std::string(count, ' ')); }

// The most memory that this process had since `begin_peak`, beyond what it had then; bytes. Zero where Linux does not say it,
// and where a sanitizer keeps what was freed.
std::size_t status_bytes(std::string_view name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name)) return std::stoul(line.substr(name.size() + 1)) * 1024;
  }
  return 0;
}
std::size_t begin_peak() {
  std::ofstream("/proc/self/clear_refs") << 5;
  return status_bytes("VmHWM");
}
std::size_t peak_since(std::size_t before) {
  const bool can_tell = !BRAINTRUST_ADDRESS_SANITIZED && !BRAINTRUST_THREAD_SANITIZED;
  return can_tell ? status_bytes("VmHWM") - before : 0;
}

TEST(HttpListener, RefusesABodyBeyondItsLimit) {
  std::atomic<int> calls = 0;  // counted on the listener's threads
  auto listener = must(HttpListener::start("127.0.0.1", 0, 1000, [&](const HttpRequest&) { return ++calls, HttpAnswer{}; }));
  const auto url = "http://127.0.0.1:" + std::to_string(listener.port());
  EXPECT_EQ(HttpClient(url).post("/", std::string(1000, 'x')).status, 200);
  const auto answer = HttpClient(url).post("/", std::string(1001, 'x'));
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(json::parse(answer.body).at("error"), HasSubstr("larger than 1000 bytes"));
  EXPECT_EQ(calls, 1);
}

TEST(HttpListener, RefusesABodyBeyondItsLimitThatDoesNotSayItsLength) {
  auto listener = must(HttpListener::start("127.0.0.1", 0, 1000, [](const HttpRequest&) { return HttpAnswer{}; }));
  const auto send = [&](int bytes) {
    std::string text = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int sent = 0; sent < bytes; sent += 500) text += "1f4\r\n" + std::string(500, 'x') + "\r\n";
    return talk(listener.port(), text + "0\r\n\r\n", false);
  };
  EXPECT_THAT(send(1000), HasSubstr(" 200 "));
  EXPECT_THAT(send(1500), HasSubstr("larger than 1000 bytes"));
  EXPECT_THAT(send(3'000'000), HasSubstr(" 413 "));
}

TEST(HttpListener, RefusesABodyThatInflatesBeyondItsLimitAndKeepsNoneOfIt) {
  constexpr std::size_t limit = 1u << 20, size = 64 * limit;
  std::atomic<int> calls = 0;
  auto listener = must(HttpListener::start("127.0.0.1", 0, limit, [&](const HttpRequest&) { return ++calls, HttpAnswer{}; }));
  const auto send = [&](const std::string& body) {
    HttpClient client("http://127.0.0.1:" + std::to_string(listener.port()));
    client.add_header("Content-Encoding: gzip");
    return client.post("/", body);
  };
  EXPECT_EQ(send(gzip_of_blanks(limit)).status, 200);
  const auto bomb = gzip_of_blanks(size);
  const auto before = begin_peak();
  const auto answer = send(bomb);
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(json::parse(answer.body).at("error"), HasSubstr("larger than 1048576 bytes"));
  EXPECT_LT(peak_since(before), 16 * limit);
  EXPECT_EQ(calls, 1);
}

TEST_F(LocalServer, RefusesARequestThatInflatesToMoreThan256Megabytes) {
  client_.add_header("Content-Encoding: gzip");
  const auto answer = client_.post("/logs3", gzip_of_blanks((256u << 20) + 1));
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(json::parse(answer.body).at("error"), HasSubstr("larger than 268435456 bytes"));
}

TEST(HttpListener, SurvivesWhatIsNotHttp) {
  auto listener = must(HttpListener::start("127.0.0.1", 0, 1000, [](const HttpRequest&) { return HttpAnswer{}; }));
  for (const auto& text :
       {std::string("\r\n\r\n"), std::string(100'000, 'x'), std::string("POST / HTTP/1.1\r\nContent-Length: 50\r\n\r\nshort"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
        std::string("\0\xff\x16\x03", 4)}) {
    EXPECT_THAT(talk(listener.port(), text, true), testing::Not(HasSubstr(" 200 "))) << text.substr(0, 60);
  }
  EXPECT_THAT(talk(listener.port(), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false), HasSubstr(" 200 "));
}

TEST(HttpListener, SendsTheAnswerItIsMakingWhenItIsStopped) {
  std::promise<void> asked, go_on;
  auto listener = must(HttpListener::start("127.0.0.1", 0, 1000, [&](const HttpRequest& request) {
    if (request.path == "/slow") {
      asked.set_value();
      go_on.get_future().wait();
    }
    return HttpAnswer{};
  }));
  const auto url = "http://127.0.0.1:" + std::to_string(listener.port());
  auto answer = std::async(std::launch::async, [&] { return HttpClient(url).get("/slow").status; });
  asked.get_future().wait();
  std::thread stopping([&] { listener.stop(); });
  while (HttpClient(url).get("/").status != 0) {
  }
  go_on.set_value();
  EXPECT_EQ(answer.get(), 200);
  stopping.join();
}

TEST(HttpListener, AnswersAnErrorIfTheHandlerThrows) {
  auto listener = must(
      HttpListener::start("127.0.0.1", 0, 1000, [](const HttpRequest&) -> HttpAnswer { throw std::runtime_error("secret"); }));
  const auto answer = HttpClient("http://127.0.0.1:" + std::to_string(listener.port())).get("/");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, R"({"error":"internal error"})");
}

}  // namespace
}  // namespace braintrust::local
