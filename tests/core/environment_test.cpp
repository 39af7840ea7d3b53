// Process variables and `.env.braintrust`, row by row of INST 20.

#include "core/environment.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <braintrust/core/diagnostics.h>

#include "core/env_file.h"

namespace braintrust::detail {
namespace {

using std::chrono::milliseconds;

Environment with_flag(const std::string& value) { return Environment(Environment::Variables{{"FLAG", value}}); }

class EnvironmentTest : public testing::Test {
 protected:
  void SetUp() override {
    set_diagnostics_handler([this](Severity, const Error& error) { told.push_back(error.message); });
  }
  void TearDown() override { set_diagnostics_handler({}); }

  std::vector<std::string> told;
};

TEST_F(EnvironmentTest, BlankIsUnset) {
  const Environment environment({{"EMPTY", ""}, {"SPACES", " \t "}, {"PADDED", " v "}});
  EXPECT_EQ(environment.get("MISSING"), "");
  EXPECT_EQ(environment.get("EMPTY"), "");
  EXPECT_EQ(environment.get("SPACES"), "");
  EXPECT_EQ(environment.get("PADDED"), " v ");
  EXPECT_EQ(environment.count("SPACES", 7), 7U);
  EXPECT_TRUE(environment.flag("EMPTY", true));
  EXPECT_TRUE(told.empty());
}

TEST_F(EnvironmentTest, CountsAreWholeNumbers) {
  const Environment environment(
      {{"GOOD", " 250 "}, {"ZERO", "0"}, {"BAD", "12x"}, {"MINUS", "-1"}, {"HUGE", "99999999999999999999999"}});
  EXPECT_EQ(environment.count("GOOD", 1), 250U);
  EXPECT_EQ(environment.count("ZERO", 1), 0U);
  EXPECT_TRUE(told.empty());
  EXPECT_EQ(environment.count("ZERO", 5, 1), 5U);
  EXPECT_EQ(environment.count("BAD", 5), 5U);
  EXPECT_EQ(environment.count("MINUS", 5), 5U);
  EXPECT_EQ(environment.count("HUGE", 5), 5U);
  ASSERT_EQ(told.size(), 4U);
  EXPECT_NE(told[1].find("BAD"), std::string::npos);
  EXPECT_EQ(told[1].find("12x"), std::string::npos) << "values are not for logs";
}

TEST_F(EnvironmentTest, SecondsMayHaveAFraction) {
  const Environment environment(
      {{"HALF", "0.5"}, {"TINY", "0.0001"}, {"ZERO", "0"}, {"NAN", "nan"}, {"WORD", "soon"}, {"HUGE", "1e300"}});
  EXPECT_EQ(environment.seconds("HALF", milliseconds(9)), milliseconds(500));
  EXPECT_EQ(environment.seconds("TINY", milliseconds(9)), milliseconds(1));
  EXPECT_TRUE(told.empty());
  for (const char* name : {"ZERO", "NAN", "WORD", "HUGE"})
    EXPECT_EQ(environment.seconds(name, milliseconds(9)), milliseconds(9)) << name;
  EXPECT_EQ(told.size(), 4U);
}

TEST_F(EnvironmentTest, FlagsKnowManyWordsInAnyCase) {
  for (const char* word : {"true", "1", "yes", "on", "TRUE", "Yes", " on "}) {
    EXPECT_TRUE(with_flag(word).flag("FLAG", false)) << word;
  }
  for (const char* word : {"false", "0", "no", "off", "False", "OFF"}) {
    EXPECT_FALSE(with_flag(word).flag("FLAG", true)) << word;
  }
  EXPECT_TRUE(told.empty());
  EXPECT_TRUE(with_flag("maybe").flag("FLAG", true));
  EXPECT_FALSE(with_flag("2").flag("FLAG", false));
  EXPECT_EQ(told.size(), 2U);
}

TEST_F(EnvironmentTest, ASnapshotDoesNotFollowLaterChanges) {
  ::setenv("BRAINTRUST_TEST_SNAPSHOT", "before=1", 1);
  const Environment environment = Environment::snapshot();
  ::setenv("BRAINTRUST_TEST_SNAPSHOT", "after", 1);
  EXPECT_EQ(environment.get("BRAINTRUST_TEST_SNAPSHOT"), "before=1");
  ::unsetenv("BRAINTRUST_TEST_SNAPSHOT");
}

// --- .env.braintrust

TEST(EnvFileText, KnowsExportQuotesCommentsAndBlankLines) {
  const auto file = parse_env_file(
      "# a comment\n"
      "\n"
      "BRAINTRUST_API_KEY=plain\n"
      "  export BRAINTRUST_APP_URL = \"https://app # not a comment\" # a comment\r\n"
      "BRAINTRUST_API_URL='https://api $HOME \\n'\n"
      "BRAINTRUST_PROJECT=two words # a comment\n"
      "BRAINTRUST_PROJECT_ID=a#b\n"
      "BRAINTRUST_ORG_NAME=\"line\\nbreak \\\"q\\\" \\\\ \\x\"\n"
      "BRAINTRUST_ENVIRONMENT_TYPE=\" padded \"\n"
      "BRAINTRUST_ENVIRONMENT_NAME= # nothing but a comment");
  const EnvFile expected = {{"BRAINTRUST_API_KEY", "plain"},
                            {"BRAINTRUST_APP_URL", "https://app # not a comment"},
                            {"BRAINTRUST_API_URL", "https://api $HOME \\n"},
                            {"BRAINTRUST_PROJECT", "two words"},
                            {"BRAINTRUST_PROJECT_ID", "a#b"},
                            {"BRAINTRUST_ORG_NAME", "line\nbreak \"q\" \\ \\x"},
                            {"BRAINTRUST_ENVIRONMENT_TYPE", " padded "}};
  ASSERT_TRUE(file);
  EXPECT_EQ(*file, expected);
}

TEST(EnvFileText, ToleratesAByteOrderMarkAndTakesTheLastDuplicate) {
  EXPECT_EQ(parse_env_file("\xEF\xBB\xBF"
                           "BRAINTRUST_PROJECT=a\nBRAINTRUST_PROJECT=b\n"),
            (EnvFile{{"BRAINTRUST_PROJECT", "b"}}));
  EXPECT_EQ(parse_env_file("BRAINTRUST_PROJECT=a\nBRAINTRUST_PROJECT=\n"), EnvFile{});
}

TEST(EnvFileText, NeverHandsOutOtherNames) {
  EXPECT_EQ(parse_env_file("OPENAI_API_KEY=secret\nBRAINTRUST_DEBUG=1\nBRAINTRUST_LEGACY_IDS=true\nbraintrust_project=x\n"),
            EnvFile{});
}

TEST(EnvFileText, IsInvalidAsAWhole) {
  for (const char* text : {"BRAINTRUST_PROJECT=a\nnot an assignment\n", "BRAINTRUST_PROJECT=a\nX=\"open\n",
                           "BRAINTRUST_PROJECT=a\n1X=2\n", "BRAINTRUST_PROJECT=a\nX='a' b\n", "=a\nBRAINTRUST_PROJECT=a\n"}) {
    EXPECT_FALSE(parse_env_file(text)) << text;
  }
}

class EnvFileSearch : public testing::Test {
 protected:
  void SetUp() override {
    root = std::filesystem::temp_directory_path() / ("braintrust-env-" + std::to_string(::getpid()));
    std::filesystem::create_directories(root);
  }
  void TearDown() override { std::filesystem::remove_all(root); }

  void write(const std::filesystem::path& folder, const std::string& text, const char* name = ".env.braintrust") {
    std::filesystem::create_directories(folder);
    std::ofstream(folder / name) << text;
  }
  static std::string project_from(const std::filesystem::path& folder) {
    const EnvFile file = find_env_file(folder.string());
    const auto found = file.find("BRAINTRUST_PROJECT");
    return found == file.end() ? "" : found->second;
  }
  std::filesystem::path below(int levels) {
    std::filesystem::path folder = root;
    for (int level = 0; level < levels; ++level) folder /= "d";
    std::filesystem::create_directories(folder);
    return folder;
  }

  std::filesystem::path root;
};

TEST_F(EnvFileSearch, FindsTheFileInTheDirectoryOrAParent) {
  write(root, "BRAINTRUST_PROJECT=top\n");
  EXPECT_EQ(project_from(root), "top");
  EXPECT_EQ(project_from(root.string() + "/"), "top");
  EXPECT_EQ(project_from(below(3)), "top");
}

TEST_F(EnvFileSearch, TakesTheNearestAndNeverLooksHigher) {
  write(root, "BRAINTRUST_PROJECT=top\n");
  write(root / "lacks", "BRAINTRUST_ORG_NAME=x\n");
  write(root / "blank", "BRAINTRUST_PROJECT=  \n");
  write(root / "invalid", "BRAINTRUST_PROJECT=x\nbroken\n");
  write(root / "near", "BRAINTRUST_PROJECT=near\n");
  std::filesystem::create_directories(root / "unreadable" / ".env.braintrust");
  EXPECT_EQ(project_from(root / "lacks"), "");
  EXPECT_EQ(project_from(root / "blank"), "");
  EXPECT_EQ(project_from(root / "invalid"), "");
  EXPECT_EQ(project_from(root / "unreadable"), "");
  EXPECT_EQ(project_from(root / "near"), "near");
}

TEST_F(EnvFileSearch, LooksInSixtyFivePlaces) {
  write(root, "BRAINTRUST_PROJECT=far\n");
  EXPECT_EQ(project_from(below(64)), "far");
  EXPECT_EQ(project_from(below(65)), "");
}

TEST_F(EnvFileSearch, ReadsNoGenericFile) {
  for (const char* name : {".env", ".env.local", ".env.development", ".env.production"})
    write(root, "BRAINTRUST_PROJECT=x\n", name);
  EXPECT_EQ(project_from(root), "");
}

TEST_F(EnvFileSearch, LeavesTheEnvironmentAlone) {
  write(root, "BRAINTRUST_ORG_NAME=from the file\n");
  ::unsetenv("BRAINTRUST_ORG_NAME");
  EXPECT_EQ(find_env_file(root.string()).at("BRAINTRUST_ORG_NAME"), "from the file");
  EXPECT_EQ(::getenv("BRAINTRUST_ORG_NAME"), nullptr);
  EXPECT_EQ(Environment::snapshot().get("BRAINTRUST_ORG_NAME"), "");
}

TEST_F(EnvFileSearch, FindsNothingWithoutADirectory) {
  EXPECT_TRUE(find_env_file("").empty());
  EXPECT_EQ(project_from(root / "does not exist" / "at all"), "");
}

TEST_F(EnvFileSearch, DoesNotHangOnAPipeOfThatName) {
  ASSERT_EQ(::mkfifo((root / ".env.braintrust").c_str(), 0600), 0);
  EXPECT_EQ(project_from(root), "");
}

}  // namespace
}  // namespace braintrust::detail
