// Any other HTTP client, here one written with asio: `start_call` is told what goes out and what comes in.

#include <braintrust/braintrust.h>

#include <asio.hpp>
#include <iostream>
#include <string>

#include "support/model_server.h"
#include "support/offline.h"

using asio::ip::tcp;

// The simplest HTTP exchange there is: the connection's end is the body's.
std::string ask(asio::io_context& context, unsigned short port, const std::string& body) {
  tcp::socket socket(context);
  socket.connect({asio::ip::address_v4::loopback(), port});

  // [asio client]
  auto call = braintrust::llm::start_call({.provider = "openai", .path = "/v1/chat/completions", .request = body});
  asio::write(socket, asio::buffer("POST /v1/chat/completions HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: " +
                                   std::to_string(body.size()) + "\r\n\r\n" + body));
  asio::streambuf buffer;
  const std::size_t head = asio::read_until(socket, buffer, "\r\n\r\n");
  buffer.consume(head);
  std::string answer;
  for (asio::error_code error; !error; asio::read(socket, buffer, asio::transfer_at_least(1), error)) {
    const auto bytes = buffer.data();
    const std::string_view piece(static_cast<const char*>(bytes.data()), bytes.size());
    call.on_chunk(piece);  // as it arrives, cut anywhere
    answer += piece;
    buffer.consume(piece.size());
  }
  call.end({.status = 200, .content_type = "text/event-stream"});
  // [asio client end]
  return answer;
}

int main() {
  examples::Offline offline;
  examples::ModelServer server;
  auto logger = braintrust::init_logger({.project = "Examples (C++)"});
  asio::io_context context;
  std::cout << ask(
      context, static_cast<unsigned short>(server.port()),
      R"({"model":"scripted-1","stream":true,"messages":[{"role":"user","content":"What is the capital of France?"}]})");
}
