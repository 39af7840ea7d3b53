// cpp-httplib's server, traced, over real HTTP: it answers as it did, and its requests are spans.

#include <braintrust/instrument/httplib_server.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <braintrust/tracing.h>

#include "trace/backend.h"

namespace braintrust {
namespace {

using ::httplib::Request;
using ::httplib::Response;
using httplib::traced_handler;
using test::Backend;
using test::only_row;
using test::Row;
using testing::HasSubstr;

// A server on a thread of its own, for the time from `start` to `stop`.
class HttpServer {
 public:
  ~HttpServer() { stop(); }
  ::httplib::Server& operator*() { return server_; }
  ::httplib::Server* operator->() { return &server_; }

  ::httplib::Client start() {
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
    return client();
  }
  ::httplib::Client client() const { return ::httplib::Client("127.0.0.1", port_); }
  // Everything that was being served is over.
  void stop() {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

 private:
  int port_ = 0;
  ::httplib::Server server_;
  std::thread thread_;
};

class HttplibServer : public testing::Test {
 protected:
  // The rows of all requests.
  std::vector<Row> rows() {
    server.stop();
    return backend.rows();
  }
  Row row(std::string_view name) { return only_row(rows(), name); }

  Backend backend;
  HttpServer server;
};

TEST_F(HttplibServer, AnswersAsTheHandlerDoesAndRecordsTheRequest) {
  server->Get(R"(/orders/(\d+))", traced_handler("/orders/:id", [](const Request& request, Response& response) {
                response.status = 201;
                response.set_content("order " + request.matches[1].str(), "text/plain");
              }));
  const auto result = server.start().Get("/orders/17?secret=1");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 201);
  EXPECT_EQ(result->body, "order 17");
  Row row = this->row("GET /orders/:id");
  EXPECT_EQ(row["metadata"], (Row{{"method", "GET"}, {"path", "/orders/17"}, {"status", 201}}));
  EXPECT_EQ(row["span_attributes"]["type"], "task");
  EXPECT_FALSE(row.contains("span_parents") && !row["span_parents"].empty());
  EXPECT_FALSE(row.contains("error"));
  EXPECT_FALSE(row.contains("input") && !row["input"].is_null()) << "bodies are recorded only if asked for";
  EXPECT_FALSE(row.contains("output") && !row["output"].is_null());
  EXPECT_THAT(row["context"]["caller_filename"], HasSubstr("httplib_server_test.cpp"));
  EXPECT_TRUE(row["metrics"].contains("end"));
}

TEST_F(HttplibServer, ContinuesTheTraceOfTheCallerAndIsCurrentInTheHandler) {
  server->Post("/answer", traced_handler("/answer", [](const Request&, Response& response) {
                 auto step = start_span("step");
                 response.set_content("42", "text/plain");
               }));
  auto client = server.start();
  {
    auto span = backend.logger().start_span("ask");
    ::httplib::Headers headers = {{"Baggage", "x=1"}};
    inject_trace_context(headers);
    ASSERT_TRUE(client.Post("/answer", headers, "", "text/plain"));
  }
  const auto all = rows();
  Row ask = only_row(all, "ask"), answer = only_row(all, "POST /answer"), step = only_row(all, "step");
  EXPECT_EQ(answer["span_parents"], Row::array({ask["span_id"]}));
  EXPECT_EQ(step["span_parents"], Row::array({answer["span_id"]}));
  EXPECT_EQ(answer["root_span_id"], ask["root_span_id"]);
  EXPECT_EQ(step["root_span_id"], ask["root_span_id"]);
  EXPECT_EQ(answer["metadata"]["status"], 200) << "as httplib answers where a handler says nothing";
}

TEST_F(HttplibServer, BeginsATraceWhereCallersAreStrangers) {
  server->Get("/", traced_handler("/", [](const Request&, Response&) {}, {.accept_parent = false}));
  const ::httplib::Headers headers = {{"traceparent", "00-00112233445566778899aabbccddeeff-0123456789abcdef-01"},
                                      {"baggage", "braintrust.parent=project_name:theirs"}};
  ASSERT_TRUE(server.start().Get("/", headers));
  Row row = this->row("GET /");
  EXPECT_NE(row["root_span_id"], "00112233445566778899aabbccddeeff");
}

TEST_F(HttplibServer, HasAnErrorForAStatusOf500AndMoreUnlessTheHandlerLoggedOne) {
  server->Get("/busy", traced_handler("/busy", [](const Request&, Response& response) { response.status = 503; }));
  server->Get("/gone", traced_handler("/gone", [](const Request&, Response& response) { response.status = 404; }));
  server->Get("/told", traced_handler("/told", [](const Request&, Response& response) {
                current_span().log({.error = "the database is away"});
                response.status = 500;
              }));
  auto client = server.start();
  for (const char* const path : {"/busy", "/gone", "/told"}) ASSERT_TRUE(client.Get(path));
  const auto all = rows();
  EXPECT_EQ(only_row(all, "GET /busy")["error"], "HTTP 503");
  EXPECT_EQ(only_row(all, "GET /busy")["metadata"]["status"], 503);
  EXPECT_FALSE(only_row(all, "GET /gone").contains("error"));
  EXPECT_EQ(only_row(all, "GET /gone")["metadata"]["status"], 404);
  EXPECT_EQ(only_row(all, "GET /told")["error"], "the database is away");
}

TEST_F(HttplibServer, RecordsAnExceptionAndLeavesItToHttplib) {
  server->Get("/throw", traced_handler("/throw", [](const Request&, Response&) { throw std::runtime_error("no such order"); }));
  std::atomic<int> handled = 0;
  server->set_exception_handler([&](const Request&, Response& response, std::exception_ptr exception) {
    ++handled;
    try {
      std::rethrow_exception(exception);
    } catch (const std::runtime_error& error) {
      response.set_content(error.what(), "text/plain");
    }
    response.status = 502;
  });
  const auto result = server.start().Get("/throw");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 502);
  EXPECT_EQ(result->body, "no such order");
  EXPECT_EQ(handled, 1);
  Row row = this->row("GET /throw");
  EXPECT_EQ(row["error"], "std::runtime_error: no such order");
  EXPECT_FALSE(row["metadata"].contains("status"));
}

TEST_F(HttplibServer, RecordsBodiesIfAskedAndJsonAsJson) {
  const httplib::HandlerOptions bodies = {.log_input = true, .log_output = true};
  server->Post(
      "/json",
      traced_handler(
          "/json", [](const Request&, Response& response) { response.set_content(R"({"a":[1]})", "application/json"); },
          bodies));
  server->Post(
      "/text",
      traced_handler(
          "/text", [](const Request& request, Response& response) { response.set_content(request.body, "text/plain"); },
          bodies));
  auto client = server.start();
  ASSERT_TRUE(client.Post("/json", R"({"q":true})", "application/json; charset=utf-8"));
  ASSERT_TRUE(client.Post("/text", "{hello", "text/plain"));
  const auto all = rows();
  EXPECT_EQ(only_row(all, "POST /json")["input"], (Row{{"q", true}}));
  EXPECT_EQ(only_row(all, "POST /json")["output"], (Row{{"a", Row::array({1})}}));
  EXPECT_EQ(only_row(all, "POST /text")["input"], "{hello");
  EXPECT_EQ(only_row(all, "POST /text")["output"], "{hello");
}

TEST_F(HttplibServer, LastsUntilAStreamedBodyIsSent) {
  std::atomic<bool> released = false;
  server->Get("/stream", traced_handler("/stream", [&](const Request&, Response& response) {
                response.set_chunked_content_provider(
                    "text/plain",
                    [](std::size_t, ::httplib::DataSink& sink) {
                      auto piece = start_span("piece");
                      sink.write("streamed", 8);
                      sink.done();
                      return true;
                    },
                    [&](bool) { released = true; });
              }));
  auto client = server.start();
  const auto result = client.Get("/stream");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->body, "streamed");
  ASSERT_TRUE(client.Head("/stream"));
  const auto all = rows();
  EXPECT_TRUE(released);
  ASSERT_EQ(all.size(), 3U);
  Row piece = only_row(all, "piece"), stream = only_row(all, "GET /stream"), head = only_row(all, "HEAD /stream");
  EXPECT_EQ(piece["span_parents"], Row::array({stream["span_id"]}));
  EXPECT_GE(stream["metrics"]["end"], piece["metrics"]["end"]);
  EXPECT_FALSE(stream.contains("error"));
  EXPECT_FALSE(head.contains("error")) << "there is no body to send";
}

TEST_F(HttplibServer, HasAnErrorWhenAStreamBreaksOff) {
  server->Get("/stream", traced_handler("/stream", [](const Request&, Response& response) {
                response.set_content_provider(100, "text/plain", [](std::size_t, std::size_t, ::httplib::DataSink& sink) {
                  sink.write("x", 1);
                  return false;
                });
              }));
  EXPECT_FALSE(server.start().Get("/stream"));
  EXPECT_THAT(row("GET /stream")["error"].get<std::string>(), HasSubstr("not sent"));
}

TEST_F(HttplibServer, TracesHandlersWithAContentReader) {
  server->Post("/upload",
               traced_handler("/upload", [](const Request&, Response& response, const ::httplib::ContentReader& reader) {
                 std::string body;
                 reader([&](const char* data, std::size_t size) {
                   body.append(data, size);
                   return true;
                 });
                 response.set_content(std::to_string(body.size()), "text/plain");
               }));
  const auto result = server.start().Post("/upload", std::string(10'000, 'x'), "application/octet-stream");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->body, "10000");
  EXPECT_EQ(row("POST /upload")["metadata"]["status"], 200);
}

TEST_F(HttplibServer, KeepsRequestsApartThatAreServedAtTheSameTime) {
  constexpr int callers = 6;
  std::atomic<int> inside = 0;
  server->Get("/together", traced_handler("/together", [&](const Request&, Response&) {
                auto step = start_span("step");
                ++inside;
                while (inside < callers) std::this_thread::yield();
              }));
  server->new_task_queue = [] { return new ::httplib::ThreadPool(callers); };
  server.start();
  std::vector<std::thread> threads;
  for (int i = 0; i < callers; ++i) {
    threads.emplace_back([&] { EXPECT_TRUE(server.client().Get("/together")); });
  }
  for (std::thread& thread : threads) thread.join();
  const auto all = rows();
  ASSERT_EQ(all.size(), 2U * callers);
  int pairs = 0;
  for (const Row& step : all) {
    if (test::name_of(step) != "step") continue;
    for (const Row& request : all) {
      pairs += step["span_parents"] == Row::array({request["span_id"]}) && step["root_span_id"] == request["root_span_id"];
    }
  }
  EXPECT_EQ(pairs, callers);
}

TEST(HttplibServerWithoutALogger, OnlyCallsTheHandler) {
  HttpServer server;
  server->Get("/", traced_handler("/", [](const Request&, Response& response) {
                EXPECT_FALSE(current_span());
                response.set_content("as ever", "text/plain");
              }));
  const auto result = server.start().Get("/");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->body, "as ever");
}

}  // namespace
}  // namespace braintrust
