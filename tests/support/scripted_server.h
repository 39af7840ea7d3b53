#pragma once

// `ScriptedServer`: an HTTP/1.1 server on 127.0.0.1 that does what a test tells it, misbehaviour included.
//
//   ScriptedServer server;
//   server.on("/logs3", {{.status = 500}, {.status = 429, .headers = {{"Retry-After", "1"}}}, {}});
//   … server.url() … server.requests("/logs3") …
//
// Answers to one path are given in order; the last one is repeated. A path without a script is answered 404.
//
// Threads: one for each connection; every function from any thread. Handlers run on the connections' threads, one at a time.

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace braintrust::test {

struct ServerRequest {
  std::string method = {};
  std::string target = {};                          // path and query, as sent
  std::string path = {};                            // without the query
  std::map<std::string, std::string> headers = {};  // names in lower case
  std::string body = {};
  int connection = 0;  // requests on one kept connection have one number
};

enum class Deed {
  answer,    // as the rest says, and keep the connection
  close,     // answer, and close the connection
  hang,      // read the request and never answer
  drop,      // read the request and close the connection without an answer
  reset,     // read the request and reset the connection (RST)
  truncate,  // announce more body than is sent, then close
  trickle,   // send the answer byte by byte
};

struct Answer {
  int status = 200;
  std::string body = "{}";
  std::vector<std::pair<std::string, std::string>> headers = {};
  Deed deed = Deed::answer;
};

class ScriptedServer {
 public:
  using Handler = std::function<Answer(const ServerRequest&)>;

  // Port 0: any free one.
  explicit ScriptedServer(int port = 0);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  int port() const;
  std::string url() const;  // "http://127.0.0.1:12345"

  void on(const std::string& path, std::vector<Answer> answers);
  void handle(const std::string& path, Handler handler);

  // What has come so far, complete requests only; of one path, or of all.
  std::vector<ServerRequest> requests(const std::string& path = {}) const;
  std::size_t count(const std::string& path = {}) const { return requests(path).size(); }

  // Closes the port and all connections, as a crash of the server would.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// A port on which nobody listens now.
int free_port();

}  // namespace braintrust::test
