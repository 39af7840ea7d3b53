// Prompts of the local backend.

#include "local/api_fixture.h"

namespace braintrust::local {
namespace {

using nlohmann::json;

class LocalPrompts : public LocalApi {
 protected:
  std::string project_ = post("/api/project/register", {{"project_name", "P"}}).at("project").at("id");

  json save(const std::string& slug, const std::string& text) {
    return post("/v1/prompt", {{"project_id", project_},
                               {"name", "Name of " + slug},
                               {"slug", slug},
                               {"description", "d"},
                               {"tags", {"t"}},
                               {"prompt_data", {{"prompt", {{"type", "completion"}, {"content", text}}}}}});
  }
};

TEST_F(LocalPrompts, AreFoundByProjectAndSlug) {
  const auto saved = save("hello", "Hi");
  EXPECT_EQ(saved.at("log_id"), "p");
  EXPECT_EQ(saved.at("project_id"), project_);
  save("other", "Bye");
  const json expected = {{"objects", {saved}}};
  EXPECT_EQ(get("/v1/prompt?project_name=P&slug=hello"), expected);
  EXPECT_EQ(get("/v1/prompt?project_id=" + project_ + "&slug=hello"), expected);
  EXPECT_EQ(get("/v1/prompt/" + saved.at("id").get<std::string>()), saved);
  EXPECT_EQ(get("/v1/prompt?project_name=P&slug=none").at("objects"), json::array());
  EXPECT_EQ(get("/v1/prompt?project_name=nobody&slug=hello").at("objects"), json::array());
  EXPECT_EQ(client_.get("/v1/prompt/none").status, 404);
  EXPECT_EQ(client_.post("/v1/prompt", R"({"project_name":"P"})").status, 400);
}

TEST_F(LocalPrompts, KeepTheirOldVersions) {
  const auto first = save("hello", "one"), second = save("hello", "two");
  EXPECT_EQ(first.at("id"), second.at("id"));
  EXPECT_EQ(first.at("created"), second.at("created"));
  EXPECT_LT(first.at("_xact_id").get<std::string>(), second.at("_xact_id").get<std::string>());
  const std::string version = first.at("_xact_id"), by_slug = "/v1/prompt?project_name=P&slug=hello";
  EXPECT_EQ(get(by_slug).at("objects"), json::array({second}));
  EXPECT_EQ(get(by_slug + "&version=" + version).at("objects"), json::array({first}));
  EXPECT_EQ(get("/v1/prompt/" + first.at("id").get<std::string>() + "?version=" + version), first);
  EXPECT_EQ(get(by_slug + "&version=1").at("objects"), json::array());
}

TEST_F(LocalPrompts, HaveAVersionInEachEnvironment) {
  const auto first = save("hello", "one");
  save("hello", "two");
  const std::string id = first.at("id");
  send("PUT", "/environment-object/prompt/" + id + "/production", {{"object_version", first.at("_xact_id")}});
  EXPECT_EQ(get("/v1/prompt?project_name=P&slug=hello&environment=production").at("objects"), json::array({first}));
  EXPECT_EQ(get("/v1/prompt/" + id + "?environment=production"), first);
  EXPECT_EQ(client_.get("/v1/prompt/" + id + "?environment=staging").status, 400);
}

TEST_F(LocalPrompts, CanBeAskedForWithAQuery) {
  save("hello", "one");
  const auto hello = save("hello", "two"), other = save("other", "x");
  const auto data = query("SELECT * FROM project_prompts('" + project_ + "')").at("data");
  ASSERT_EQ(data.size(), 2U);
  EXPECT_EQ(data[0].at("slug"), "other");
  EXPECT_EQ(data[1].at("_xact_id"), hello.at("_xact_id"));
}

}  // namespace
}  // namespace braintrust::local
