// How many rows a second the backend takes: into the store alone, through HTTP as an SDK sends them, and the same spans as an
// OpenTelemetry exporter sends them.
//
//   local_ingest_bench [ROWS] [ROWS_PER_REQUEST] [CONNECTIONS]

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include <braintrust/local/server.h>

#include "local/http_client.h"
#include "local/otlp_bytes.h"

namespace {

using braintrust::local::Server;
using braintrust::local::Store;

// A row of a typical model call: 512 bytes each of input and output, names, counts.
std::string row(std::size_t number) {
  const auto id = std::to_string(number);
  const std::string text(480, 'x');
  return R"({"id":"row-)" + id + R"(","span_id":")" + id + R"(","root_span_id":"root-)" + std::to_string(number / 5) +
         R"(","span_parents":null,"project_id":"p","log_id":"g","created":"2026-01-02T03:04:05.678Z","span_attributes":{"name":"chat","type":"llm",)"
         R"("exec_counter":)" +
         id +
         R"(},"metrics":{"start":1700000000.25,"end":1700000001.5,"prompt_tokens":2100,"completion_tokens":42,"tokens":2142},)"
         R"("input":[{"role":"user","content":")" +
         text + R"("}],"output":[{"role":"assistant","content":")" + text +
         R"("}],"metadata":{"model":"gpt-5-mini","provider":"openai"},"_is_merge":false})";
}

std::vector<std::string> bodies(std::size_t rows, std::size_t each, std::size_t first) {
  std::vector<std::string> made;
  for (std::size_t at = 0; at < rows; at += each) {
    std::string body = R"({"rows":[)";
    for (std::size_t i = at; i < std::min(rows, at + each); ++i) body += (i > at ? "," : "") + row(first + i);
    made.push_back(body + R"(],"api_version":2})");
  }
  return made;
}

// The same as an encoded Span, by the conventions for model calls.
std::string otlp_span(std::size_t number) {
  using namespace braintrust::local::bytes;
  const auto hex = [](std::size_t value, std::size_t digits) {
    auto text = std::to_string(value + 1);
    return std::string(digits - text.size(), '0') + text;
  };
  const auto attribute = [](const char* key, const std::string& value) {
    return of(schema::span::attributes, pair(key, value));
  };
  const auto messages = [](const char* role) {
    return text(std::string(R"([{"role":")") + role + R"(","parts":[{"type":"text","content":")" + std::string(480, 'x') +
                "\"}]}]");
  };
  return ids(hex(number / 5, 32), hex(number, 16)) + of(schema::span::name, "chat") +
         fixed64(schema::span::start_time, 1'700'000'000'250'000'000) +
         fixed64(schema::span::end_time, 1'700'000'001'500'000'000) + attribute("gen_ai.operation.name", text("chat")) +
         attribute("gen_ai.request.model", text("gpt-5-mini")) + attribute("gen_ai.provider.name", text("openai")) +
         attribute("gen_ai.input.messages", messages("user")) + attribute("gen_ai.output.messages", messages("assistant")) +
         attribute("gen_ai.usage.input_tokens", varint(schema::any_value::integer, 2100)) +
         attribute("gen_ai.usage.output_tokens", varint(schema::any_value::integer, 42));
}

std::vector<std::string> otlp_bodies(std::size_t rows, std::size_t each, std::size_t first) {
  using namespace braintrust::local::bytes;
  std::vector<std::string> made;
  for (std::size_t at = 0; at < rows; at += each) {
    std::string spans;
    for (std::size_t i = at; i < std::min(rows, at + each); ++i) spans += of(schema::scope_spans::spans, otlp_span(first + i));
    made.push_back(
        request({}, of(schema::resource_spans::resource, of(schema::resource::attributes, pair("service.name", text("bench")))),
                spans));
  }
  return made;
}

template <class Work>
double seconds(Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int index, std::size_t otherwise) {
    return argc > index ? static_cast<std::size_t>(std::strtoul(argv[index], nullptr, 10)) : otherwise;
  };
  const auto rows = argument(1, 100'000), each = argument(2, 100), connections = argument(3, 1);
  const auto folder = std::filesystem::temp_directory_path() / ("local_ingest_bench." + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);

  std::vector<std::vector<std::string>> work;
  for (std::size_t i = 0; i < connections; ++i) work.push_back(bodies(rows / connections, each, i * rows));
  {
    auto store = Store::open((folder / "store.db").string());
    if (!store) return std::cerr << store.error().message << '\n', 1;
    const auto time = seconds([&] {
      for (const auto& part : work) {
        for (const auto& body : part) {
          if (const auto wrote = store->write(body); !wrote)
            return std::cerr << wrote.error().message << std::endl, std::abort();
        }
      }
    });
    std::cout << "store: " << static_cast<double>(rows) / time << " rows/s" << std::endl;
  }
  const auto send = [&](const char* name, const char* path, const std::vector<std::string>& headers) {
    auto server = Server::start({.database = (folder / (std::string(name) + ".db")).string()});
    if (!server) return std::cerr << server.error().message << '\n', false;
    const auto time = seconds([&] {
      std::vector<std::thread> threads;
      for (const auto& part : work) {
        threads.emplace_back([&] {
          HttpClient client(server->url());
          for (const auto& header : headers) client.add_header(header);
          for (const auto& body : part) {
            const auto answer = client.post(path, body);
            if (answer.status != 200) std::cerr << answer.status << ' ' << answer.body << std::endl, std::abort();
          }
        });
      }
      for (auto& thread : threads) thread.join();
    });
    std::cout << name << ":  " << static_cast<double>(rows) / time << " rows/s" << std::endl;
    return true;
  };
  if (!send("http", "/logs3", {})) return 1;
  work.clear();
  for (std::size_t i = 0; i < connections; ++i) work.push_back(otlp_bodies(rows / connections, each, i * rows));
  if (!send("otlp", "/otel/v1/traces", {"Content-Type: application/x-protobuf", "x-bt-parent: project_name:P"})) return 1;
  std::filesystem::remove_all(folder);
}
