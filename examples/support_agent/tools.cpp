#include "tools.h"

#include <braintrust/braintrust.h>

#include <map>

using braintrust::Json;
using braintrust::SpanType;
using nlohmann::json;

namespace {

// Stands in for the help desk's database.
json ticket(const std::string& id) {
  static const std::map<std::string, json> tickets = {
      {"BT-7", {{"ticket", "BT-7"}, {"status", "waiting for us"}, {"subject", "Spans are missing after a kill -9"}}},
      {"BT-12", {{"ticket", "BT-12"}, {"status", "solved"}, {"subject", "How to link with pkg-config"}}},
  };
  const auto found = tickets.find(id);
  return found != tickets.end() ? found->second : json{{"error", "there is no ticket " + id}};
}

json search(const std::string& query, const Documents& documents) {
  json found = json::array();
  for (const Hit& hit : documents.search(query, 3))
    found.push_back({{"source", hit.section.source}, {"text", hit.section.text}});
  return found;
}

json definition(const char* name, const char* description, const char* argument) {
  return {
      {"type", "function"},
      {"function",
       {{"name", name},
        {"description", description},
        {"parameters",
         {{"type", "object"}, {"properties", {{argument, {{"type", "string"}}}}}, {"required", json::array({argument})}}}}}};
}

}  // namespace

json tool_definitions() {
  return json::array({definition("search_docs", "Finds sections of the documentation by their words.", "query"),
                      definition("get_ticket_status", "Looks a support ticket up, for example BT-7.", "ticket")});
}

std::string run_tool(const std::string& name, const std::string& arguments, const Documents& documents) {
  auto span = braintrust::start_span(name, {.type = SpanType::tool, .input = Json::raw(arguments)});
  const json given = json::parse(arguments, nullptr, false);
  const auto argument = [&](const char* key) { return given.is_object() ? given.value(key, std::string()) : std::string(); };

  json result;
  if (name == "search_docs") {
    result = search(argument("query"), documents);
  } else if (name == "get_ticket_status") {
    result = ticket(argument("ticket"));
  } else {
    result = {{"error", "there is no tool " + name}};
    span.log({.error = result["error"]});
  }
  span.log({.output = result});
  return result.dump();
}
