#pragma once

// `Server`: the Braintrust backend on your own machine, for development without an account, for examples and for tests.
//
//   auto server = braintrust::local::Server::start();
//   if (!server) return fail(server.error());
//   auto logger = braintrust::init_logger({.project = "My Project", .api_key = "local", .app_url = server->url()});
//   …
//   for (const auto& trace : *server->traces()) std::cout << trace.name << ": " << trace.spans << " spans\n";
//
// One URL serves as app URL and API URL; any API key that is not blank will do. It is made for one developer: no users, no
// rights, no TLS. Hence it listens on loopback only and answers only to loopback names, unless `allow_remote` says otherwise.
//
// Threads: safe to call from any thread. Starts one thread, and one for each connection. Ignores SIGPIPE in the process, as
//          servers must.
// Errors:  `start` fails with `invalid_argument` for an address that is not loopback, `io` for a taken port or a bad database.
//          Clients get a status and `{"error": "…"}`; nothing of a refused request is stored.
// Source:  PROTO 1.1, 2, 4.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <braintrust/core/result.h>
#include <braintrust/local/store.h>

namespace braintrust::local {

// Options for `Server::start`.
struct ServerOptions {
  // 0: any free port, then see `Server::port`.
  int port = 0;

  // Path of the SQLite file; blank: in memory, gone with the server.
  std::string database = {};

  // The address to listen on.
  std::string host = "127.0.0.1";

  // Permits a `host` that other machines can reach, and any name for this machine. Whoever reaches it can read and write all.
  bool allow_remote = false;
};

class Server {
 public:
  static Result<Server> start(ServerOptions options = {});

  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  ~Server();  // stops

  // "http://127.0.0.1:40123", without a slash at its end.
  const std::string& url() const;
  int port() const;

  // What was stored; also after `stop`.
  Store& store();
  const Store& store() const;
  Result<std::vector<TraceSummary>> traces() const { return store().traces(); }
  Result<std::string> rows_json(std::string_view root_span_id = {}) const { return store().rows_json(root_span_id); }

  // Finishes the requests that are being answered, then closes. May be called twice.
  void stop();

 private:
  class State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace braintrust::local
