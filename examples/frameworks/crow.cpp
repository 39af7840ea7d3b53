// Crow: a request's headers are a map.

#include <crow.h>

#include <braintrust/tracing.h>

#include <string>

std::string answer(const std::string& question) { return "You asked: " + question; }

// [crow]
void add_routes(crow::SimpleApp& app) {
  CROW_ROUTE(app, "/answer").methods(crow::HTTPMethod::Post)([](const crow::request& request) {
    const auto context = braintrust::extract_trace_context(request.headers);
    auto span = braintrust::start_span("POST /answer", {.input = request.body, .parent = context});
    return span.run([&] { return answer(request.body); });
  });
}
// [crow end]
