// How many rows a second the backend takes: through HTTP as an SDK sends them, and into the store alone.
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
  {
    auto server = Server::start({.database = (folder / "server.db").string()});
    if (!server) return std::cerr << server.error().message << '\n', 1;
    const auto time = seconds([&] {
      std::vector<std::thread> threads;
      for (const auto& part : work) {
        threads.emplace_back([&] {
          HttpClient client(server->url());
          for (const auto& body : part) {
            const auto answer = client.post("/logs3", body);
            if (answer.status != 200) std::cerr << answer.status << ' ' << answer.body << std::endl, std::abort();
          }
        });
      }
      for (auto& thread : threads) thread.join();
    });
    std::cout << "http:  " << static_cast<double>(rows) / time << " rows/s" << std::endl;
  }
  std::filesystem::remove_all(folder);
}
