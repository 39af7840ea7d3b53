// Programs whose locale has a comma as decimal point: numbers are written and read as anywhere, from the span to the stored
// row.

#include <clocale>
#include <cstdlib>
#include <filesystem>
#include <locale>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <braintrust/braintrust.h>
#include <braintrust/local/server.h>

#include "support/told.h"

namespace braintrust {
namespace {

using nlohmann::json;

// The one of the C++ library: what streams are made with.
class CommaOfStreams {
 public:
  CommaOfStreams() : former_(std::locale::global(std::locale(std::locale::classic(), new Commas))) {}
  ~CommaOfStreams() { std::locale::global(former_); }
  CommaOfStreams(const CommaOfStreams&) = delete;
  CommaOfStreams& operator=(const CommaOfStreams&) = delete;

 private:
  struct Commas : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::locale former_;
};

// The one of the C library: `strtod`, `printf`. One that is installed, else made from the sources of the package `locales`.
class CommaOfC {
 public:
  CommaOfC() {
    for (const char* const name : {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8"}) {
      if (set(name)) return;
    }
    std::string name = (std::filesystem::temp_directory_path() / "locale_test.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) return;
    folder_ = name;
    const std::string command = "localedef -i de_DE -f UTF-8 " + folder_ + "/de_DE.UTF-8 >" + folder_ + "/log 2>&1";
    if (std::system(command.c_str()) != 0) return;
    ::setenv("LOCPATH", folder_.c_str(), 1);
    set("de_DE.UTF-8");
    ::unsetenv("LOCPATH");
  }
  ~CommaOfC() {
    std::setlocale(LC_ALL, "C");
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  CommaOfC(const CommaOfC&) = delete;
  CommaOfC& operator=(const CommaOfC&) = delete;

  static bool is_set() { return std::string(std::localeconv()->decimal_point) == ","; }

 private:
  static bool set(const char* name) { return std::setlocale(LC_ALL, name) != nullptr && is_set(); }
  std::string folder_;
};

// One span, by every way: its row, and the rows that a server makes of its OTLP.
struct Stored {
  std::string direct, protobuf, json_text;
  bool told = false;
};

Stored log_and_read() {
  test::Told told;
  const auto rows = [](bool to_braintrust, OtlpProtocol protocol) {
    auto server = local::Server::start();
    if (!server) throw std::runtime_error(server.error().message);
    auto logger = to_braintrust ? init_logger({.project = "P", .api_key = "local", .app_url = server->url()})
                                : init_logger({.project = "P",
                                               .exporter = otlp({.endpoint = server->url() + "/otel",
                                                                 .headers = {{"Authorization", "Bearer local"}},
                                                                 .protocol = protocol})});
    auto span = logger.start_span("work", {.type = SpanType::llm,
                                           .input = {{"share", 0.125}, {"list", Json::array({1.5, -2.5e-7, 1234567.5})}},
                                           .metadata = {{"model", "m"}, {"temperature", 0.7}, {"top_p", 0.25}},
                                           .start_time = UnixTime{1'700'000'000.5}});
    span.log({.scores = {{"half", 0.5}, {"one", Json::raw("1.0")}, {"beyond", Json::raw("0.1e999")}}});
    span.log({.metadata = {{"frequency_penalty", -1.5}}, .metrics = {{"ratio", 1234567.125}, {"small", 5e-7}}});
    span.end(UnixTime{1'700'000'002.75});
    EXPECT_TRUE(logger.flush().complete());
    auto text = server->rows_json();
    if (!text) throw std::runtime_error(text.error().message);
    return *text;
  };
  Stored stored;
  stored.direct = rows(true, OtlpProtocol::http_protobuf);
  stored.protobuf = rows(false, OtlpProtocol::http_protobuf);
  stored.json_text = rows(false, OtlpProtocol::http_json);
  stored.told = told.mentions("score 'beyond'");
  return stored;
}

void expect_the_numbers(const Stored& stored) {
  EXPECT_TRUE(stored.told) << "a number that no double holds is none";
  for (const std::string& text : {stored.direct, stored.protobuf, stored.json_text}) {
    const json rows = json::parse(text);
    ASSERT_EQ(rows.size(), 1U);
    const json& row = rows[0];
    EXPECT_EQ(row["input"], json::parse(R"({"share":0.125,"list":[1.5,-2.5e-7,1234567.5]})"));
    EXPECT_EQ(row["scores"], json::parse(R"({"half":0.5,"one":1.0})"));
    EXPECT_EQ(row["metadata"]["temperature"], 0.7);
    EXPECT_EQ(row["metadata"]["top_p"], 0.25);
    EXPECT_EQ(row["metadata"]["frequency_penalty"], -1.5);
    EXPECT_EQ(row["metrics"]["ratio"], 1234567.125);
    EXPECT_EQ(row["metrics"]["small"], 5e-7);
    EXPECT_EQ(row["metrics"]["start"], 1'700'000'000.5);
    EXPECT_EQ(row["metrics"]["end"], 1'700'000'002.75);
  }
}

TEST(NumbersOfALocaleWithCommas, AreWrittenAndReadAsAnywhereWhenItIsThatOfC) {
  Stored stored;
  {
    const CommaOfC comma;
    if (!CommaOfC::is_set()) GTEST_SKIP() << "there is no locale with a comma as decimal point, and none can be made";
    stored = log_and_read();
  }
  expect_the_numbers(stored);
}

TEST(NumbersOfALocaleWithCommas, AreWrittenAndReadAsAnywhereWhenItIsThatOfStreams) {
  Stored stored;
  {
    const CommaOfStreams comma;
    stored = log_and_read();
  }
  expect_the_numbers(stored);
}

}  // namespace
}  // namespace braintrust
