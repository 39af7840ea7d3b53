#include "support/fake_braintrust.h"

namespace braintrust::test {

using Json = nlohmann::json;

namespace {

ScriptedServer::Handler guarded(const FakeBraintrust& fake, ScriptedServer::Handler handler) {
  return [key = "Bearer " + fake.api_key, handler = std::move(handler)](const ServerRequest& request) {
    const auto found = request.headers.find("authorization");
    const bool good = found != request.headers.end() && found->second == key;
    return good ? handler(request) : Answer{.status = 401, .body = R"({"error":"Unauthorized"})"};
  };
}

}  // namespace

void play_braintrust(ScriptedServer& server, const FakeBraintrust& fake) {
  const std::string api_url = fake.api_url.empty() ? server.url() : fake.api_url;
  const Json login = {{"org_info", {{{"id", "id of " + fake.org_name}, {"name", fake.org_name}, {"api_url", api_url}}}}};
  server.handle("/api/apikey/login",
                guarded(fake, [body = login.dump()](const ServerRequest&) { return Answer{.body = body}; }));
  const Json version = fake.payload_max_bytes == 0 ? Json::object() : Json{{"logs3_payload_max_bytes", fake.payload_max_bytes}};
  server.handle("/version", guarded(fake, [body = version.dump()](const ServerRequest&) { return Answer{.body = body}; }));
  server.handle("/api/project/register", guarded(fake, [](const ServerRequest& request) {
                  const std::string name = Json::parse(request.body)["project_name"];
                  return Answer{.body = Json{{"project", {{"id", "id of " + name}, {"name", name}}}}.dump()};
                }));
  server.handle("/logs3", guarded(fake, [](const ServerRequest&) { return Answer{}; }));
}

void play_attachments(ScriptedServer& server, ScriptedServer& store, const FakeBraintrust& fake) {
  server.handle(
      "/attachment", guarded(fake, [url = store.url()](const ServerRequest& request) {
        const std::string key = Json::parse(request.body)["key"];
        return Answer{.body = Json{{"signedUrl", url + "/store?key=" + key}, {"headers", {{"x-signed", "yes"}}}}.dump()};
      }));
  server.handle("/attachment/status", guarded(fake, [](const ServerRequest&) { return Answer{}; }));
  store.handle("/store", [](const ServerRequest&) { return Answer{}; });
}

std::map<std::string, std::string> stored_attachments(const ScriptedServer& store) {
  std::map<std::string, std::string> bodies;
  for (const ServerRequest& request : store.requests("/store"))
    bodies[request.target.substr(request.target.find('=') + 1)] = request.body;
  return bodies;
}

std::map<std::string, std::vector<Json>> reported_attachments(const ScriptedServer& server) {
  std::map<std::string, std::vector<Json>> reports;
  for (const ServerRequest& request : server.requests("/attachment/status")) {
    const Json body = Json::parse(request.body);
    reports[body["key"]].push_back(body["status"]);
  }
  return reports;
}

std::vector<Json> rows_of(const ScriptedServer& server) {
  std::vector<Json> all;
  for (const ServerRequest& request : server.requests("/logs3")) {
    const Json body = Json::parse(request.body);
    if (!body["rows"].is_array()) continue;
    for (const Json& row : body["rows"]) all.push_back(row);
  }
  return all;
}

}  // namespace braintrust::test
