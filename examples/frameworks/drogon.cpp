// Drogon: a handler answers through a callback, later and on any thread. So its span goes into the callback.

#include <drogon/drogon.h>

#include <braintrust/tracing.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

// [drogon]
void handle(const drogon::HttpRequestPtr& request, std::function<void(const drogon::HttpResponsePtr&)>&& callback) {
  const auto context = braintrust::extract_trace_context(request->headers());
  auto span =
      std::make_shared<braintrust::Span>(braintrust::start_span("GET /answer", {.parent = context, .set_current = false}));

  auto further = drogon::HttpRequest::newHttpRequest();
  further->setPath("/documents");
  span->inject([&](const std::string& name, const std::string& value) { further->addHeader(name, value); });
  drogon::HttpClient::newHttpClient("http://127.0.0.1:8848")
      ->sendRequest(further,
                    [span, callback = std::move(callback)](drogon::ReqResult, const drogon::HttpResponsePtr& response) {
                      if (response) span->log({.output = std::string(response->body())});
                      span->end();
                      callback(response ? response : drogon::HttpResponse::newNotFoundResponse());
                    });
}
// [drogon end]
