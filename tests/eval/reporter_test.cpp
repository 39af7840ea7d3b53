// What people and programs are told of an eval.

#include "eval/terminal_reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/text_width.h"

namespace braintrust {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::int64_t second = 1'000'000'000;

// A reporter whose text and clock are the test's.
class Reporter {
 public:
  explicit Reporter(ReporterOptions options = {}) : reporter_(with_capture(std::move(options)), [this] { return now; }) {}

  void start(std::optional<std::size_t> cases, const std::string& experiment = "hi-2") {
    reporter_.on_start({.eval_name = "Say Hi",
                        .experiment_name = experiment,
                        .experiment_url = experiment.empty() ? "" : "https://bt/app/hi-2",
                        .cases = cases});
  }
  void one(EvalCaseResult result = {.scores = {{"Exact", 1.0}}}) { reporter_.on_case(result, ++done_); }
  void end(const EvalResult& result) { reporter_.on_end(result); }

  // What was written since it was asked last.
  std::string take() { return std::exchange(text_, {}); }

  std::int64_t now = 5 * second;

 private:
  ReporterOptions with_capture(ReporterOptions options) {
    options.write = [this](std::string_view text) { text_ += text; };
    return options;
  }
  std::string text_;
  std::size_t done_ = 0;
  detail::TerminalReporter reporter_;
};

using Kind = ReporterOptions::Progress;

EvalResult sample() {
  return {.name = "Say Hi",
          .summary = {.project_name = "Greetings",
                      .project_id = "p",
                      .experiment_name = "hi-2",
                      .experiment_id = "e",
                      .experiment_url = "https://bt/app/hi-2",
                      .comparison_experiment_name = "hi-1",
                      .scores = {{.name = "Exact", .score = 1},
                                 {.name = "Factuality", .score = 0.6333, .diff = -0.02, .improvements = 0, .regressions = 4},
                                 {.name = "Levenshtein", .score = 0.8, .diff = 0.05, .improvements = 3, .regressions = 1}},
                      .metrics = {{.name = "duration", .metric = 1.24, .unit = "s", .diff = -0.16, .improvements = 22},
                                  {.name = "estimated_cost", .metric = 0.0123, .unit = "$", .diff = 0.0001, .regressions = 1},
                                  {.name = "tokens", .metric = 312.5, .unit = "tok", .diff = -12, .improvements = 2}}},
          .cases = 40};
}

std::string summary_of(const EvalResult& result, ReporterOptions options = {}) {
  Reporter reporter(std::move(options));
  reporter.end(result);
  return reporter.take();
}

TEST(Summary, IsATableBesideTheBaseExperiment) {
  Reporter reporter;
  reporter.start(40);
  reporter.take();
  reporter.now += 12 * second + second / 2;
  reporter.end(sample());
  EXPECT_EQ(reporter.take(),
            "\n"
            "Say Hi: 40 cases in 12.5 s\n"
            "hi-2 compared to hi-1:\n"
            "     100.00%              'Exact' score\n"
            "      63.33%    (-2.00%)  'Factuality' score   (0 improvements, 4 regressions)\n"
            "      80.00%    (+5.00%)  'Levenshtein' score  (3 improvements, 1 regression)\n"
            "      1.24 s   (-160 ms)  'duration'           (22 improvements, 0 regressions)\n"
            "     $0.0123  (+$0.0001)  'estimated_cost'     (0 improvements, 1 regression)\n"
            "  312.50 tok   (-12 tok)  'tokens'             (2 improvements, 0 regressions)\n"
            "See results for hi-2 at https://bt/app/hi-2\n");
}

TEST(Summary, ColoursWhatIsBetterGreenAndWhatIsWorseRed) {
  const auto text = summary_of(sample(), {.color = ReporterOptions::Color::yes});
  EXPECT_THAT(text, HasSubstr("\x1b[32m  (+5.00%)\x1b"));
  EXPECT_THAT(text, HasSubstr("\x1b[31m  (-2.00%)\x1b"));
  EXPECT_THAT(text, HasSubstr("\x1b[32m (-160 ms)\x1b")) << "less time is better";
  EXPECT_THAT(text, HasSubstr("\x1b[31m(+$0.0001)\x1b"));
  EXPECT_THAT(summary_of(sample()), Not(HasSubstr("\x1b"))) << "a function is no terminal";
}

TEST(Summary, DoesNotGiveASignToNothing) {
  auto result = sample();
  result.summary.scores = {{.name = "Same", .score = 0.5, .diff = -0.000001}};
  EXPECT_THAT(summary_of(result), HasSubstr("(+0.00%)"));
}

TEST(Summary, ListsTheFirstFailuresAndCountsTheRest) {
  auto result = sample();
  for (int i = 0; i < 12; ++i) {
    result.results.push_back({.input = {{"n", i}}, .error = "boom " + std::to_string(i) + "\nat main.cpp:7"});
  }
  result.results.insert(result.results.begin() + 1, EvalCaseResult{.input = "fine"});
  result.results[0].error = {};
  result.results[0].input = "Foo\nBar";
  result.results[0].trial = 1;
  result.results[0].scorer_errors = {{"Factuality", "no answer"}};
  result.results[0].classifier_errors = {{"Tone", "no tone"}};
  result.failed_cases = 12;
  const auto text = summary_of(result);
  EXPECT_THAT(text, HasSubstr("Say Hi: 40 cases, 12 failed\n"));
  EXPECT_THAT(text, HasSubstr("12 cases failed:\n"
                              "  ✗ Foo⏎Bar (trial 2)\n"
                              "    Factuality: no answer\n"
                              "    Tone: no tone\n"
                              "  ✗ {\"n\":1}\n"
                              "    boom 1\n"));
  EXPECT_THAT(text, HasSubstr("boom 9\n  and 2 more\nSee results"));
  EXPECT_THAT(text, Not(HasSubstr("boom 10")));
  EXPECT_THAT(text, Not(HasSubstr("fine")));
}

TEST(Summary, ListsFailuresOfAnEvalThatKeepsNoResults) {
  Reporter reporter;
  reporter.start(40);
  reporter.one({.input = "Foo", .error = "boom"});
  reporter.one();
  auto result = sample();
  result.failed_cases = 1;
  reporter.end(result);
  EXPECT_THAT(reporter.take(), HasSubstr("1 case failed:\n  ✗ Foo\n    boom\nSee"));

  reporter.start(40);  // the next eval has failures of its own
  result.failed_cases = 0;
  reporter.end(result);
  EXPECT_THAT(reporter.take(), Not(HasSubstr("Foo")));
}

TEST(Summary, FitsTheWidthButCutsNeitherTheLinkNorWhatAnErrorAdvises) {
  auto result = sample();
  const std::string url = "https://bt/" + std::string(300, 'x');
  result.summary.experiment_url = url;
  result.summary.scores[0].name = std::string(200, 's');
  result.summary.scores[1].name = "日本語日本語日本語日本語日本語日本語日本語";
  const std::string error = "no answer: " + std::string(200, 'e') + "; set a key";
  result.results = {{.input = std::string(500, 'i'), .error = error, .trial = 3}};
  result.failed_cases = 1;
  std::istringstream lines(summary_of(result, {.width = 84}));
  for (std::string line; std::getline(lines, line);) {
    if (line.find(url) == line.npos && line.find("no answer") == line.npos) {
      EXPECT_LE(detail::display_width(line), 84U) << line;
    }
  }
  EXPECT_THAT(summary_of(result, {.width = 84}), AllOf(HasSubstr(url + "\n"), HasSubstr(error + "\n")));
  result.results[0].error = std::string(5000, 'e');
  EXPECT_LT(summary_of(result, {.width = 84}).size(), 3000u) << "but is no page of its own";
  EXPECT_THAT(summary_of(result, {.width = 1}), HasSubstr(url)) << "no width is too small";
}

TEST(Summary, SaysWhyAnEvalDidNotRun) {
  const auto text = summary_of({.name = "Say Hi", .error = Error{ErrorCode::missing_api_key, "no API key"}});
  EXPECT_EQ(text, "\nSay Hi did not run: no API key\n");
}

TEST(Summary, SaysWhyAnEvalEndedEarlyAndWhatCameOfItUntilThen) {
  auto result = sample();
  result.error = Error{ErrorCode::io, "line 7 is no JSON"};
  EXPECT_THAT(summary_of(result), AllOf(StartsWith("\nSay Hi did not run to its end: line 7 is no JSON\nSay Hi: 40 cases\n"),
                                        HasSubstr("'Levenshtein'")));
  result.interrupted = true;
  EXPECT_THAT(summary_of(result), StartsWith("\nSay Hi was interrupted: line 7 is no JSON\n"));
}

TEST(Summary, HasNoExperimentWhereNothingWasSent) {
  EXPECT_EQ(summary_of({.name = "Say Hi", .summary = {.scores = {{.name = "Exact", .score = 0.5}}}, .cases = 2}),
            "\nSay Hi: 2 cases\n  50.00%  'Exact' score\n");
  EXPECT_EQ(summary_of({.name = "Say Hi", .cases = 1}), "\nSay Hi: 1 case\n  no scores\n");
}

TEST(Summary, MakesWhatOthersWroteHarmless) {
  const std::string evil = "\x1b]0;title\x07\x1b[31mred\r\nnext\u202eetad\u0085\u200b\xff";
  EvalResult result{.name = evil,
                    .summary = {.experiment_name = evil,
                                .experiment_url = evil,
                                .comparison_experiment_name = evil,
                                .scores = {{.name = evil}},
                                .metrics = {{.name = evil, .unit = evil}}},
                    .results = {{.input = evil, .error = evil, .scorer_errors = {{evil, evil}}},
                                {.input = {{evil, evil}}, .classifier_errors = {{evil, evil}}}},
                    .cases = 2,
                    .failed_cases = 2,
                    .error = Error{ErrorCode::io, evil}};
  Reporter reporter({.progress = Kind::lines});
  reporter.start(10, evil);
  for (int i = 0; i < 5; ++i) {
    reporter.now += 2 * second;
    reporter.one({.scores = {{evil, 1.0}}});
  }
  reporter.end(result);
  const auto text = reporter.take();
  for (const char* sign : {"\x1b", "\x07", "\r", "\u202e", "\u0085", "\u200b", "\xff"}) EXPECT_THAT(text, Not(HasSubstr(sign)));
  EXPECT_THAT(text, HasSubstr("␛[31mred"));
}

TEST(Summary, IsOneLineOfJsonForPrograms) {
  Reporter reporter({.jsonl = true});
  reporter.start(40);
  reporter.one({.input = "x", .error = "boom\n"});
  EXPECT_EQ(reporter.take(), "") << "nothing but the summary";
  auto result = sample();
  result.failed_cases = 1;
  result.name = "Say\nHi \xff";
  reporter.end(result);
  const auto text = reporter.take();
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  EXPECT_EQ(
      json::parse(text),
      (json{
          {"eval_name", "Say\nHi \ufffd"},
          {"experiment_name", "hi-2"},
          {"experiment_id", "e"},
          {"experiment_url", "https://bt/app/hi-2"},
          {"project_name", "Greetings"},
          {"project_id", "p"},
          {"comparison_experiment_name", "hi-1"},
          {"scores",
           {{"Exact", {{"score", 1.0}, {"diff", nullptr}, {"improvements", 0}, {"regressions", 0}}},
            {"Factuality", {{"score", 0.6333}, {"diff", -0.02}, {"improvements", 0}, {"regressions", 4}}},
            {"Levenshtein", {{"score", 0.8}, {"diff", 0.05}, {"improvements", 3}, {"regressions", 1}}}}},
          {"metrics",
           {{"duration", {{"metric", 1.24}, {"unit", "s"}, {"diff", -0.16}, {"improvements", 22}, {"regressions", 0}}},
            {"estimated_cost", {{"metric", 0.0123}, {"unit", "$"}, {"diff", 0.0001}, {"improvements", 0}, {"regressions", 1}}},
            {"tokens", {{"metric", 312.5}, {"unit", "tok"}, {"diff", -12.0}, {"improvements", 2}, {"regressions", 0}}}}},
          {"cases", 40},
          {"failed_cases", 1},
          {"error", nullptr},
          {"interrupted", false}}));
}

TEST(Summary, SaysInJsonWhatThereIsNoneOf) {
  const auto line = json::parse(summary_of(
      {.name = "Say Hi", .error = Error{ErrorCode::missing_api_key, "no API key"}, .interrupted = true}, {.jsonl = true}));
  EXPECT_EQ(line.at("error"), (json{{"code", "missing_api_key"}, {"message", "no API key"}}));
  EXPECT_EQ(line.at("interrupted"), true);
  EXPECT_EQ(line.at("experiment_url"), nullptr);
  EXPECT_EQ(line.at("scores"), json::object());
}

TEST(ProgressReport, BeginsWithTheLink) {
  Reporter reporter({.progress = Kind::none});
  reporter.start(3);
  EXPECT_EQ(reporter.take(), "Experiment hi-2 is running at https://bt/app/hi-2\n");
  reporter.start(3, "");
  EXPECT_EQ(reporter.take(), "Eval Say Hi is running; nothing is sent to Braintrust\n");
  reporter.now += 100 * second;
  reporter.one();
  EXPECT_EQ(reporter.take(), "");
}

TEST(ProgressReport, IsALineNowAndThenWhereThereIsNoTerminal) {
  Reporter reporter;
  reporter.start(100);
  reporter.take();
  for (int i = 0; i < 10; ++i) reporter.one();
  EXPECT_EQ(reporter.take(), "") << "a tenth, but no second has gone by";
  reporter.now += second;
  reporter.one({.input = "x", .error = "boom"});
  EXPECT_EQ(reporter.take(), "Say Hi: 11/100 cases (11%), 1 failed, Exact 100.0%\n");
  reporter.now += 9 * second;
  reporter.one();
  EXPECT_EQ(reporter.take(), "") << "no tenth more";
  reporter.now += second;
  reporter.one({.scores = {{"Exact", 0.0}, {"Other", std::nullopt}}});
  EXPECT_EQ(reporter.take(), "Say Hi: 13/100 cases (13%), 1 failed, Exact 91.7%\n") << "ten seconds; no grade is no score";
  reporter.now += second;
  for (int i = 0; i < 10; ++i) reporter.one();
  EXPECT_THAT(reporter.take(), StartsWith("Say Hi: 20/100 cases (20%)")) << "once";
}

TEST(ProgressReport, CountsCasesWhoseNumberIsNotKnown) {
  Reporter reporter;
  reporter.start(std::nullopt);
  reporter.take();
  reporter.now += 10 * second;
  reporter.one();
  EXPECT_EQ(reporter.take(), "Say Hi: 1 case, Exact 100.0%\n");

  Reporter bar({.progress = Kind::bar});
  bar.start(std::nullopt);
  bar.take();
  bar.now += second;
  bar.one();
  EXPECT_EQ(bar.take(), "\rSay Hi  1 case  Exact 100.0%");
}

TEST(ProgressReport, IsABarThatIsRedrawnInPlace) {
  Reporter reporter({.progress = Kind::bar});
  reporter.start(4);
  EXPECT_THAT(reporter.take(), EndsWith("\n\rSay Hi  ────────────────────  0/4  0%"));
  reporter.now += 2 * second;
  reporter.one({.input = "x", .scores = {{"Exact", 0.5}}, .error = "boom"});
  EXPECT_EQ(reporter.take(), "\rSay Hi  ━━━━━───────────────  1/4  25%  ETA 6 s  1 failed  Exact 50.0%");
  reporter.now += second / 100;
  reporter.one();
  EXPECT_EQ(reporter.take(), "") << "ten times a second is enough";
  reporter.now += 600 * second;
  reporter.one();
  EXPECT_THAT(reporter.take(), HasSubstr("  3/4  75%  ETA 3 min 21 s  "));
  reporter.one();
  EXPECT_EQ(reporter.take(), "\rSay Hi  ━━━━━━━━━━━━━━━━━━━━  4/4  100%  1 failed  Exact 87.5%               ")
      << "the end at once, and spaces over what stood there";
  reporter.end(sample());
  const auto text = reporter.take();
  const std::string over(text.find_last_of('\r') - 1, ' ');
  EXPECT_THAT(text, StartsWith("\r" + over + "\r\nSay Hi: "));
  EXPECT_EQ(over.size(), detail::display_width("Say Hi  ━━━━━━━━━━━━━━━━━━━━  4/4  100%  1 failed  Exact 87.5%"));
}

TEST(ProgressReport, ShowsFailuresInRed) {
  Reporter reporter({.color = ReporterOptions::Color::yes, .progress = Kind::bar});
  reporter.start(4);
  EXPECT_THAT(reporter.take(), Not(HasSubstr("\x1b[31m")));
  reporter.now += second;
  reporter.one({.input = "x", .error = "boom"});
  EXPECT_THAT(reporter.take(), HasSubstr("\x1b[31m1 failed\x1b[0m"));
}

TEST(ProgressReport, FitsTheWidthAndLeavesTheLastColumn) {
  for (std::size_t width = 1; width < 130; ++width) {
    Reporter reporter({.color = ReporterOptions::Color::yes, .progress = Kind::bar, .width = width});
    reporter.start(4);
    reporter.now += second;
    reporter.take();
    reporter.one({.input = "x",
                  .scores = {{"Exact", 0.5}, {"Faithfulness of the answer", 0.5}, {"日本語日本語日本語", 0.5}},
                  .error = "boom"});
    auto text = reporter.take();
    for (std::size_t at; (at = text.find('\x1b')) != text.npos;) text.erase(at, text.find('m', at) + 1 - at);
    ASSERT_LT(detail::display_width(text.substr(1, text.find_last_not_of(' '))), width + (width == 1)) << text;
  }
}

// A terminal of 50 columns.
class PseudoTerminal {
 public:
  PseudoTerminal() : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    if (master_ < 0 || ::grantpt(master_) != 0 || ::unlockpt(master_) != 0) return;
    const int slave = ::open(::ptsname(master_), O_RDWR | O_NOCTTY);
    if (slave < 0) return;
    file = ::fdopen(slave, "w");
    const winsize size{.ws_row = 20, .ws_col = 50, .ws_xpixel = 0, .ws_ypixel = 0};
    ::ioctl(master_, TIOCSWINSZ, &size);
  }
  ~PseudoTerminal() {
    if (master_ >= 0) ::close(master_);
  }
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  // Closes it, and returns all that was printed.
  std::string finish() {
    std::fclose(file);
    std::string all;
    char text[1024];
    for (ssize_t length; (length = ::read(master_, text, sizeof text)) > 0;) all.append(text, static_cast<std::size_t>(length));
    return all;
  }
  std::FILE* file = nullptr;  // null where no pseudo-terminals are mounted, as in a bare chroot

 private:
  int master_;
};

// What is printed when an eval of four cases begins.
std::string beginning_on_terminal(const char* term, const char* no_color) {
  ::setenv("TERM", term, 1);
  ::setenv("NO_COLOR", no_color, 1);
  PseudoTerminal terminal;
  terminal_reporter({.output = terminal.file})
      ->on_start({.eval_name = "Say Hi", .experiment_name = "hi-2", .experiment_url = "https://bt", .cases = 4});
  return terminal.finish();
}

class ProgressOnTerminal : public testing::Test {
 protected:
  void SetUp() override {
    PseudoTerminal terminal;
    if (terminal.file == nullptr) GTEST_SKIP() << "no pseudo-terminals here";
    terminal.finish();
  }
};

TEST_F(ProgressOnTerminal, IsAColouredBarOfItsWidth) {
  EXPECT_EQ(beginning_on_terminal("xterm", ""),
            "Experiment \x1b[1mhi-2\x1b[0m is running at \x1b[36mhttps://bt\x1b[0m\r\n"
            "\r\x1b[1mSay Hi\x1b[0m  \x1b[36m──────────\x1b[0m  0/4  0%");
}

TEST_F(ProgressOnTerminal, HeedsNoColorAndTerminalsThatCanDoNothing) {
  EXPECT_EQ(beginning_on_terminal("xterm", "1"), "Experiment hi-2 is running at https://bt\r\n\rSay Hi  ──────────  0/4  0%");
  EXPECT_EQ(beginning_on_terminal("dumb", ""), "Experiment hi-2 is running at https://bt\r\n");
}

TEST(ProgressReport, GoesToAFileAsItIsWritten) {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* file = ::open_memstream(&text, &size);
  const auto reporter = terminal_reporter({.output = file});
  reporter->on_start({.eval_name = "Say Hi", .experiment_name = "hi-2", .experiment_url = "https://bt", .cases = 1});
  EXPECT_EQ(std::string(text, size), "Experiment hi-2 is running at https://bt\n") << "at once, not when a buffer is full";
  reporter->on_end(sample());
  EXPECT_THAT(std::string(text, size), AllOf(HasSubstr("See results for hi-2"), Not(HasSubstr("\r")), Not(HasSubstr("\x1b"))));
  std::fclose(file);
  std::free(text);
}

}  // namespace
}  // namespace braintrust
