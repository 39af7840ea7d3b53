// Sends the requests of one recorded case as a user's program would, under one span, and prints the bodies that come back.
//
//   conformance_client easy|multi|httplib CASE.json http://127.0.0.1:PORT ["header: value" …]
//
// Exit code 0: every transfer was complete. What was recorded of it, run.py judges.

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include <braintrust/instrument/auto.h>
#include <braintrust/instrument/httplib.h>
#include <braintrust/trace/logger.h>

namespace {

using Json = nlohmann::ordered_json;  // a body goes out in the order in which it was recorded

struct Turn {
  std::string path, content_type = "application/json", body, answer = {};
  std::vector<std::pair<std::string, std::string>> headers;  // all but the content type
  bool streamed = false;
};

std::vector<Turn> turns_of(const char* file) {
  std::ifstream in(file);
  const Json recording = Json::parse(in);
  const auto text = [](const Json& json) { return json.get<std::string>(); };
  std::vector<Turn> turns;
  for (const Json& recorded : recording["turns"]) {
    const Json& request = recorded["request"];
    Turn& turn = turns.emplace_back();
    turn.path = text(request["mock_path"]);
    turn.body = request["body"].dump();
    for (const auto& [name, value] : request["headers"].items()) {
      if (name == "content-type") {
        turn.content_type = text(value);
      } else {
        turn.headers.emplace_back(name, text(value));
      }
    }
    turn.headers.emplace_back("x-case", text(recording["provider"]) + "/" + text(recording["name"]));
    turn.headers.emplace_back("x-turn", std::to_string(turns.size() - 1));
    turn.streamed = recorded["response"]["headers"].value("content-type", "").find("stream") != std::string::npos;
  }
  return turns;
}

// --- libcurl ---

std::size_t append(char* data, std::size_t size, std::size_t count, void* answer) {
  static_cast<std::string*>(answer)->append(data, size * count);
  return size * count;
}

class Transfer {
 public:
  Transfer(const std::string& base, Turn& turn) : handle_(curl_easy_init()) {
    headers_ = curl_slist_append(headers_, ("Content-Type: " + turn.content_type).c_str());
    for (const auto& [name, value] : turn.headers) headers_ = curl_slist_append(headers_, (name + ": " + value).c_str());
    curl_easy_setopt(handle_, CURLOPT_URL, (base + turn.path).c_str());
    curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(turn.body.size()));
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, turn.body.c_str());
    curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &turn.answer);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    curl_easy_cleanup(handle_);
    curl_slist_free_all(headers_);
  }
  CURL* handle() const { return handle_; }

 private:
  CURL* handle_;
  curl_slist* headers_ = nullptr;
};

bool with_easy(const std::string& base, std::vector<Turn>& turns) {
  bool complete = true;
  for (Turn& turn : turns) {
    const Transfer transfer(base, turn);
    complete &= curl_easy_perform(transfer.handle()) == CURLE_OK;
  }
  return complete;
}

// All turns at once.
bool with_multi(const std::string& base, std::vector<Turn>& turns) {
  CURLM* const multi = curl_multi_init();
  std::vector<std::unique_ptr<Transfer>> transfers;
  for (Turn& turn : turns) {
    transfers.push_back(std::make_unique<Transfer>(base, turn));
    curl_multi_add_handle(multi, transfers.back()->handle());
  }
  bool complete = true;
  for (int running = 1; running > 0;) {
    if (curl_multi_perform(multi, &running) != CURLM_OK) return false;
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi, &left)) complete &= message->data.result == CURLE_OK;
    if (running > 0) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  for (const auto& transfer : transfers) curl_multi_remove_handle(multi, transfer->handle());
  curl_multi_cleanup(multi);
  return complete;
}

// --- cpp-httplib ---

bool with_httplib(const std::string& base, std::vector<Turn>& turns) {
  braintrust::httplib::Client client(base);
  bool complete = true;
  for (Turn& turn : turns) {
    const httplib::Headers headers(turn.headers.begin(), turn.headers.end());
    if (turn.streamed) {
      const auto receive = [&](const char* data, std::size_t size) {
        turn.answer.append(data, size);
        return true;
      };
      complete &= static_cast<bool>(client.Post(turn.path, headers, turn.body, turn.content_type, receive));
    } else {
      const auto result = client.Post(turn.path, headers, turn.body, turn.content_type);
      complete &= static_cast<bool>(result);
      if (result) turn.answer = result->body;
    }
  }
  return complete;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) return 2;
  const std::string_view mode = argv[1];
  if (mode != "httplib") {
    const braintrust::AutoResult hooked = braintrust::auto_instrument();
    if (!hooked.supported || !hooked.problem.empty()) throw std::runtime_error("auto_instrument: " + hooked.problem);
  }
  const auto logger = braintrust::init_logger();

  std::vector<Turn> turns = turns_of(argv[2]);
  for (int i = 4; i < argc; ++i) {
    const std::string_view header = argv[i];
    const std::size_t colon = header.find(": ");
    if (colon == std::string_view::npos) return 2;
    for (Turn& turn : turns) turn.headers.emplace_back(header.substr(0, colon), header.substr(colon + 2));
  }

  bool complete = false;
  {
    const auto span = braintrust::start_span("conversation", {.type = braintrust::SpanType::task});
    if (mode == "easy") complete = with_easy(argv[3], turns);
    if (mode == "multi") complete = with_multi(argv[3], turns);
    if (mode == "httplib") complete = with_httplib(argv[3], turns);
  }
  for (const Turn& turn : turns) std::fwrite(turn.answer.data(), 1, turn.answer.size(), stdout);
  logger.shutdown(std::chrono::seconds(30));
  return complete ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
