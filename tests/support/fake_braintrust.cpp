#include "support/fake_braintrust.h"

namespace braintrust::test {

using Json = nlohmann::json;

void play_braintrust(ScriptedServer& server, const FakeBraintrust& fake) {
  const auto guarded = [key = "Bearer " + fake.api_key](ScriptedServer::Handler handler) -> ScriptedServer::Handler {
    return [key, handler = std::move(handler)](const ServerRequest& request) {
      const auto found = request.headers.find("authorization");
      const bool good = found != request.headers.end() && found->second == key;
      return good ? handler(request) : Answer{.status = 401, .body = R"({"error":"Unauthorized"})"};
    };
  };
  const std::string api_url = fake.api_url.empty() ? server.url() : fake.api_url;
  const Json login = {{"org_info", {{{"id", "id of " + fake.org_name}, {"name", fake.org_name}, {"api_url", api_url}}}}};
  server.handle("/api/apikey/login", guarded([body = login.dump()](const ServerRequest&) { return Answer{.body = body}; }));
  const Json version = fake.payload_max_bytes == 0 ? Json::object() : Json{{"logs3_payload_max_bytes", fake.payload_max_bytes}};
  server.handle("/version", guarded([body = version.dump()](const ServerRequest&) { return Answer{.body = body}; }));
  server.handle("/api/project/register", guarded([](const ServerRequest& request) {
                  const std::string name = Json::parse(request.body)["project_name"];
                  return Answer{.body = Json{{"project", {{"id", "id of " + name}, {"name", name}}}}.dump()};
                }));
  server.handle("/logs3", guarded([](const ServerRequest&) { return Answer{}; }));
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
