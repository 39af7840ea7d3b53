// The cache of prompts: when its copies are used, whose they are, and what its files hold.

#include "api/prompt_cache.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include <braintrust/api/prompt.h>

#include "api/cache_folder.h"
#include "core/gzip.h"
#include "local/temporary_folder.h"
#include "support/fake_braintrust.h"
#include "support/told.h"
#include "trace/backend.h"

namespace braintrust {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::Answer;
using test::FakeBraintrust;
using test::ScriptedServer;
using test::Told;
using test::Variables;
using ::testing::HasSubstr;
using ::testing::Not;

json row_of(const std::string& version) {
  return {
      {"id", "prompt-1"},
      {"project_id", "project-1"},
      {"_xact_id", version},
      {"prompt_data", {{"prompt", {{"type", "chat"}, {"messages", json::array()}}}, {"options", {{"model", "gpt-5-mini"}}}}}};
}

Answer found(const std::string& version) { return {.body = json{{"objects", json::array_t{row_of(version)}}}.dump()}; }

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Caching : public ::testing::Test {
 protected:
  Caching() { play_braintrust(server_, fake_); }

  // Another name for each test, since memory is the process's.
  PromptOptions options() {
    return {.project = ::testing::UnitTest::GetInstance()->current_test_info()->name(),
            .slug = "greeting",
            .connection = {.api_key = fake_.api_key, .app_url = server_.url()}};
  }
  std::string loaded(const PromptOptions& asked) {
    const auto prompt = load_prompt(asked);
    return prompt ? prompt->version() : std::string(to_string(prompt.error().code));
  }
  std::string loaded() { return loaded(options()); }
  std::vector<fs::path> files() {
    std::vector<fs::path> all;
    if (!fs::exists(directory_)) return all;
    for (const auto& entry : fs::directory_iterator(directory_)) all.push_back(entry.path());
    return all;
  }
  Variables where(const char* location) {
    return Variables({{"BRAINTRUST_CACHE_LOCATION", location},
                      {"BRAINTRUST_PROMPT_CACHE_DIR", directory_},
                      {"BRAINTRUST_API_URL", std::nullopt},
                      {"BRAINTRUST_ORG_NAME", std::nullopt}});
  }

  TemporaryFolder folder_;
  const std::string directory_ = folder_ / "a/cache";
  FakeBraintrust fake_;
  ScriptedServer server_;
};

TEST_F(Caching, IsUsedForFailuresThatPassAndForNoOthers) {
  for (const char* const location : {"memory", "disk", "mixed"}) {
    const Variables variables = where(location);
    const Told told;
    server_.on("/v1/prompt", {found("1"),
                              {.status = 500},
                              {.status = 503},
                              {.status = 429},
                              {.status = 408},
                              {.status = 425},
                              {.deed = test::Deed::drop},  // libcurl tries once more by itself
                              {.deed = test::Deed::drop},
                              {.status = 400},
                              {.status = 403},
                              {.status = 409},
                              {.body = "no json"}});
    std::vector<std::string> results;
    for (int i = 0; i < 11; ++i) results.push_back(loaded());
    EXPECT_EQ(results, (std::vector<std::string>{"1", "1", "1", "1", "1", "1", "1", "http_status", "unauthorized",
                                                 "http_status", "bad_response"}))
        << location;
    EXPECT_TRUE(told.mentions("the copy of the prompt"));
  }
}

TEST_F(Caching, IsNotAskedWhileTheServerAnswers) {
  const Variables variables = where("mixed");
  server_.on("/v1/prompt", {found("1"), found("2"), {.status = 500}});
  EXPECT_EQ(loaded(), "1");
  EXPECT_EQ(loaded(), "2");
  EXPECT_EQ(loaded(), "2");
}

TEST_F(Caching, HelpsWhenNotEvenTheLoginIsThere) {
  const Variables variables = where("disk");
  server_.on("/v1/prompt", {found("1")});
  PromptOptions asked = options();
  EXPECT_EQ(loaded(asked), "1");
  server_.stop();
  // A new process has no login; here, a client that differs in what is no part of the key.
  asked.connection.api_url = {};
  const Variables other(Variables::Values{{"BRAINTRUST_PROJECT", "makes it another client"}});
  EXPECT_EQ(loaded(asked), "1");
}

TEST_F(Caching, IsNeitherReadNorWrittenWhenAVersionOrEnvironmentWasAskedFor) {
  const Variables variables = where("mixed");
  server_.on("/v1/prompt", {found("1")});
  PromptOptions version = options();
  version.version = "1";
  PromptOptions environment = options();
  environment.environment = "production";
  EXPECT_EQ(loaded(version), "1");
  EXPECT_EQ(loaded(environment), "1");
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(loaded(), "1");
  EXPECT_EQ(files().size(), 1u);
  server_.on("/v1/prompt", {{.status = 500, .headers = {{"Retry-After", "0"}}}});
  EXPECT_EQ(loaded(version), "http_status");
  EXPECT_EQ(loaded(environment), "http_status");
  EXPECT_EQ(loaded(), "1");
}

TEST_F(Caching, ForgetsWhatTheServerNoLongerHas) {
  const Variables variables = where("mixed");
  server_.on("/v1/prompt", {found("1"), {.body = R"({"objects":[]})"}, {.status = 500, .headers = {{"Retry-After", "0"}}}});
  EXPECT_EQ(loaded(), "1");
  EXPECT_EQ(loaded(), "not_found");
  EXPECT_TRUE(files().empty());
  EXPECT_EQ(loaded(), "http_status");
}

TEST_F(Caching, MakesNobodyWaitForASecondTryWithACopyAtHand) {
  const Variables variables = where("memory");
  server_.on("/v1/prompt", {found("1"), {.status = 500}});
  loaded();
  loaded();
  EXPECT_EQ(server_.count("/v1/prompt"), 2u);
}

TEST_F(Caching, MakesNobodyWaitForASecondLoginEither) {
  const Variables variables = where("disk");
  server_.on("/v1/prompt", {found("1")});
  loaded();
  server_.on("/api/apikey/login", {{.status = 503}});
  const std::size_t before = server_.count("/api/apikey/login");
  const Variables another_client(Variables::Values{{"BRAINTRUST_PROJECT", "makes it another client"}});
  EXPECT_EQ(loaded(), "1");
  EXPECT_EQ(server_.count("/api/apikey/login"), before + 1);
}

TEST_F(Caching, IsOffWhereItIsToldSo) {
  const Answer failure{.status = 500, .headers = {{"Retry-After", "0"}}};
  for (const Variables::Values& values :
       {Variables::Values{{"BRAINTRUST_CACHE_LOCATION", "none"}},
        Variables::Values{{"BRAINTRUST_PROMPT_CACHE_MEMORY_MAX_SIZE", "0"}, {"BRAINTRUST_PROMPT_CACHE_DISK_MAX_SIZE", "0"}},
        Variables::Values{{"BRAINTRUST_PROMPT_CACHE_MEMORY_MAX", "0"}, {"BRAINTRUST_PROMPT_CACHE_DISK_MAX", "0"}}}) {
    const Variables variables = where("mixed");
    const Variables off(values);
    server_.on("/v1/prompt", {found("1"), failure});
    EXPECT_EQ(loaded(), "1");
    EXPECT_EQ(loaded(), "http_status");
    EXPECT_TRUE(files().empty());
  }
}

TEST_F(Caching, KeepsItsFilesToItsOwnerAndTellsNoKey) {
  fake_.api_key = "sk-very-secret-key";
  play_braintrust(server_, fake_);
  const Variables variables = where("disk");
  server_.on("/v1/prompt", {found("1")});
  EXPECT_EQ(loaded(), "1");
  ASSERT_EQ(files().size(), 1u);
  const fs::path file = files().front();
  const std::string bytes = contents(file);
  const auto text = detail::gunzip(bytes, 1 << 20);
  ASSERT_TRUE(text);
  EXPECT_EQ(json::parse(*text), row_of("1"));
  for (const std::string& told : {file.string(), bytes, *text}) EXPECT_THAT(told, Not(HasSubstr("secret")));
  struct stat facts = {};
  ASSERT_EQ(::stat(file.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat(directory_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0700u);
}

TEST_F(Caching, IsUnderHomeWhenNoDirectoryIsNamed) {
  const Variables variables({{"HOME", folder_.path().string()},
                             {"BRAINTRUST_PROMPT_CACHE_DIR", std::nullopt},
                             {"BRAINTRUST_CACHE_LOCATION", std::nullopt}});
  server_.on("/v1/prompt", {found("1")});
  EXPECT_EQ(loaded(), "1");
  EXPECT_FALSE(fs::is_empty(folder_ / ".braintrust/prompt_cache"));
}

TEST_F(Caching, IgnoresAndRemovesABrokenFile) {
  const Variables variables = where("disk");
  for (const std::string& damage :
       {std::string("\x1F\x8B broken"), std::string("no json"), std::string("[1]"), std::string()}) {
    server_.on("/v1/prompt", {found("1"), {.status = 500, .headers = {{"Retry-After", "0"}}}});
    EXPECT_EQ(loaded(), "1");
    ASSERT_EQ(files().size(), 1u);
    std::ofstream(files().front(), std::ios::binary | std::ios::trunc) << damage;
    EXPECT_EQ(loaded(), "http_status");
    EXPECT_TRUE(files().empty()) << damage;
  }
}

TEST(PromptCacheKeys, AreApartForEveryAccountAndPrompt) {
  const pipeline::Settings settings{.api_key = "key", .app_url = "https://a", .api_url = "https://b", .org_name = "o"};
  const json prompt = {{"project_name", "P"}, {"slug", "s"}};
  std::set<std::string> keys = {detail::prompt_cache_key(settings, prompt)};
  const auto add = [&](auto change) {
    pipeline::Settings other = settings;
    json parts = prompt;
    change(other, parts);
    EXPECT_TRUE(keys.insert(detail::prompt_cache_key(other, parts)).second) << parts;
  };
  add([](auto& s, auto&) { s.api_key = "another key"; });
  add([](auto& s, auto&) { s.app_url = "https://c"; });
  add([](auto& s, auto&) { s.api_url = "https://c"; });
  add([](auto& s, auto&) { s.org_name = "other"; });
  add([](auto&, json& parts) { parts = json::object({{"id", "P"}}); });
  add([](auto&, json& parts) { parts = json::object({{"project_id", "P"}, {"slug", "s"}}); });
  add([](auto&, json& parts) { parts = json::object({{"project_name", "P\",\"slug\":\"s"}, {"slug", ""}}); });
  EXPECT_EQ(detail::prompt_cache_key(settings, prompt), *keys.find(detail::prompt_cache_key(settings, prompt)));
}

TEST(PromptCacheMemory, KeepsWhatWasUsedLast) {
  const detail::PromptCache cache({.memory_entries = 2});
  cache.keep("memory-a", row_of("1"));
  cache.keep("memory-b", row_of("2"));
  EXPECT_TRUE(cache.find("memory-a"));
  cache.keep("memory-c", row_of("3"));
  EXPECT_FALSE(cache.find("memory-b"));
  EXPECT_EQ(cache.find("memory-a"), row_of("1"));
  EXPECT_EQ(cache.find("memory-c"), row_of("3"));
}

TEST(CacheFolder, RemovesWhatWasUsedLongestAgo) {
  const TemporaryFolder folder;
  const detail::CacheFolder cache(folder.path(), 2);
  const auto pause = [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };
  cache.write("a", "1");
  pause();
  cache.write("b", "2");
  pause();
  EXPECT_EQ(cache.read("a", 10), "1");
  pause();
  cache.write("c", "3");
  EXPECT_EQ(cache.read("b", 10), std::nullopt);
  EXPECT_EQ(cache.read("a", 10), "1");
  EXPECT_EQ(cache.read("c", 10), "3");
}

TEST(CacheFolder, ReadsNeitherLinksNorPipesNorWhatIsTooLong) {
  const TemporaryFolder folder;
  const detail::CacheFolder cache(folder.path(), 10);
  cache.write("a", "12345");
  EXPECT_EQ(cache.read("a", 4), std::nullopt);
  fs::create_symlink(folder / "a", folder / "link");
  EXPECT_EQ(cache.read("link", 10), std::nullopt);
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(cache.read("pipe", 10), std::nullopt);
}

TEST(CacheFolder, CleansUpWhatADeadProcessLeftUnfinished) {
  const TemporaryFolder folder;
  const fs::path left = folder / ".part-1-1";
  const fs::path recent = folder / ".part-1-2";
  std::ofstream(left) << "x";
  std::ofstream(recent) << "x";
  fs::last_write_time(left, fs::file_time_type::clock::now() - std::chrono::hours(2));
  detail::CacheFolder(folder.path(), 10).write("a", "1");
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(recent));
}

TEST(CacheFolder, ThatCannotBeWrittenToKeepsNothingAndHurtsNobody) {
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  const detail::CacheFolder cache(folder / "file/sub", 10);
  EXPECT_FALSE(cache.write("a", "1"));
  EXPECT_EQ(cache.read("a", 10), std::nullopt);
}

TEST(CacheFolder, IsWholeForProcessesThatWriteAndReadAtTheSameTime) {
  const TemporaryFolder folder;
  const detail::CacheFolder cache(folder.path(), 10);
  const auto text = [](int i) { return std::string(100'000, static_cast<char>('a' + i)); };
  cache.write("a", text(0));
  std::vector<pid_t> children;
  for (int child = 0; child < 4; ++child) {
    const pid_t id = ::fork();
    if (id == 0) {
      for (int i = 0; i < 100; ++i) {
        cache.write("a", text(child));
        const auto read = cache.read("a", 1 << 20);
        if (!read || read->size() != 100'000 || read->find_first_not_of(read->front()) != std::string::npos) ::_exit(1);
      }
      ::_exit(0);
    }
    children.push_back(id);
  }
  for (const pid_t id : children) {
    int status = -1;
    ::waitpid(id, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(Gzip, GoesThereAndBackAndRefusesDamage) {
  for (const std::string& text : {std::string(), std::string("x"), std::string(1'000'000, 'y')}) {
    EXPECT_EQ(detail::gunzip(detail::gzip(text), 1'000'000), text);
  }
  const std::string packed = detail::gzip(std::string(1'000'000, 'y'));
  EXPECT_EQ(detail::gunzip(packed, 999'999), std::nullopt);
  EXPECT_EQ(detail::gunzip(packed.substr(0, packed.size() - 1), 1'000'000), std::nullopt);
  EXPECT_EQ(detail::gunzip("plain", 10), "plain");
  EXPECT_EQ(detail::gunzip("plain", 4), std::nullopt);
}

}  // namespace
}  // namespace braintrust
