#pragma once

// `LocalApi`: a server of its own for each test, and what tests ask of it over HTTP. Threads: one thread at a time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <braintrust/local/server.h>
#include <nlohmann/json.hpp>

#include "local/http_client.h"
#include "local/must.h"

namespace braintrust::local {

class LocalApi : public testing::Test {
 protected:
  using json = nlohmann::json;

  // The answer to a request that must succeed.
  json post(const std::string& path, const json& body) { return checked(path, client_.post(path, body.dump())); }
  json get(const std::string& path) { return checked(path, client_.get(path)); }
  json send(const char* method, const std::string& path, const json& body = json::object()) {
    const auto text = body.dump();
    return checked(path, client_.request(method, server_.url() + path, &text));
  }

  // The message of one that must be refused as 400.
  std::string refusal(const HttpClient::Answer& answer) {
    EXPECT_EQ(answer.status, 400) << answer.body;
    return json::parse(answer.body).value("error", "");
  }

  std::string new_dataset(const std::string& name = "cases") {
    return post("/api/dataset/register", {{"project_name", "P"}, {"dataset_name", name}}).at("dataset").at("id");
  }
  std::string new_experiment(const std::string& name, json more = json::object()) {
    more["project_name"] = "P";
    more["experiment_name"] = name;
    return post("/api/experiment/register", more).at("experiment").at("id");
  }

  void log(const std::vector<json>& rows) { post("/logs3", {{"rows", rows}, {"api_version", 2}}); }

  // Answers the text of a query; `more` is what the request holds beside it.
  json query(const std::string& text, json more = json::object()) {
    more["query"] = text;
    return post("/btql", more);
  }
  std::vector<std::string> ids(const json& answer) {
    std::vector<std::string> found;
    for (const auto& row : answer.at("data")) found.push_back(row.at("id"));
    return found;
  }
  std::vector<std::string> ids_where(const std::string& object, const std::string& condition) {
    return ids(query("SELECT * FROM " + object + " WHERE " + condition));
  }
  std::string query_refusal(const json& query) { return refusal(client_.post("/btql", json{{"query", query}}.dump())); }

  Server server_ = must(Server::start());
  HttpClient client_{server_.url()};

 private:
  json checked(const std::string& path, const HttpClient::Answer& answer) {
    if (answer.status != 200) throw std::runtime_error(path + ": " + std::to_string(answer.status) + " " + answer.body);
    return json::parse(answer.body);
  }
};

}  // namespace braintrust::local
