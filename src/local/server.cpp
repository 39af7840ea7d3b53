#include <utility>

#include <braintrust/local/server.h>
#include <fmt/format.h>

#include "local/http_listener.h"
#include "local/protocol.h"

namespace braintrust::local {
namespace {

// Of an upload apart, which is held in memory; larger ones are no traces any more. `Protocol` takes less at /logs3.
constexpr std::size_t max_body_bytes = 256UL * 1024 * 1024;

bool is_loopback(const std::string& host) {
  // Names are not resolved: what a name means can change, and "localhost" is the one that does not.
  return host == "localhost" || host == "::1" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
}

}  // namespace

class Server::State {
 public:
  State(Store opened, bool any_host) : store(std::move(opened)), protocol(store, any_host) {}

  Store store;
  Protocol protocol;
  std::optional<HttpListener> listener = {};  // last, so that it stops before what it uses goes away
  std::string url = {};
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

Result<Server> Server::start(ServerOptions options) {
  if (!options.allow_remote && !is_loopback(options.host)) {
    return Error{
        ErrorCode::invalid_argument,
        fmt::format("{} can be reached by other machines, and whoever reaches this server can read and write everything; "
                    "allow_remote (--allow-remote) permits it",
                    options.host)};
  }
  if (options.port < 0 || options.port > 65535) {
    return Error{ErrorCode::invalid_argument, fmt::format("{} is not a port", options.port)};
  }
  auto store = Store::open(options.database);
  if (!store) return store.error();
  auto state = std::make_unique<State>(std::move(*store), options.allow_remote);
  auto* protocol = &state->protocol;
  auto listener = HttpListener::start(options.host, options.port, max_body_bytes,
                                      [protocol](const HttpRequest& request) { return protocol->answer(request); });
  if (!listener) return listener.error();
  const bool bracket = options.host.find(':') != std::string::npos;
  state->url = fmt::format("http://{}{}{}:{}", bracket ? "[" : "", options.host, bracket ? "]" : "", listener->port());
  state->listener.emplace(std::move(*listener));
  return Server(std::move(state));
}

const std::string& Server::url() const { return state_->url; }
int Server::port() const { return state_->listener->port(); }
Store& Server::store() { return state_->store; }
const Store& Server::store() const { return state_->store; }
void Server::stop() { state_->listener->stop(); }

}  // namespace braintrust::local
