#include "eval/main_arguments.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>
#include <limits>
#include <string_view>

#include <braintrust/version.h>

#include "eval/did_you_mean.h"

namespace braintrust::detail {
namespace {

constexpr unsigned most = std::numeric_limits<unsigned>::max();

// "NAME=0.8"; a name may have a "=" in it.
void add_min_score(const std::string& text, EvalThresholds& thresholds) {
  const auto equals = text.rfind('=');
  double least = -1;
  if (equals == text.npos || equals == 0 || !CLI::detail::lexical_cast(text.substr(equals + 1), least) ||
      !(least >= 0 && least <= 1)) {
    throw CLI::ValidationError("--min-score", "'" + text + "' is not NAME=NUMBER with a number from 0 to 1");
  }
  thresholds.min_scores[text.substr(0, equals)] = least;
}

void add_filter(const std::string& text, MainArguments& arguments) {
  if (!CaseFilter::is_one(text)) {
    arguments.names.emplace_back(text);
    return;
  }
  auto filter = CaseFilter::parse(text);
  if (!filter) throw CLI::ValidationError("--filter", filter.error().message);
  arguments.cases.push_back(*std::move(filter));
}

}  // namespace

std::variant<MainArguments, int> parse_main_arguments(int argc, char** argv) {
  MainArguments arguments;
  std::vector<std::string> filters, min_scores;
  double timeout = 0;
  CLI::App app("Runs evals and says whether they are better than before.");
  app.failure_message(failure_with_suggestion);
  app.set_version_flag("--version", "braintrust " BRAINTRUST_VERSION);
  app.add_flag("--list", arguments.list, "Print the names of the evals, and run none");
  app.add_option("--filter", filters,
                 "Run evals whose name has this text or matches this regular expression; with input, expected, metadata, "
                 "tags or id: cases whose field matches, as input.question=^Why")
      ->allow_extra_args(false)
      ->type_name("TEXT|PATH=REGEX");
  app.add_flag("--no-send-logs", arguments.no_send_logs, "Send nothing; needs no key");
  app.add_option("--experiment", arguments.experiment, "Name of the experiment")->type_name("NAME");
  app.add_option("--base", arguments.base, "Name of the experiment to compare with")->type_name("NAME");
  app.add_option("--max-concurrency", arguments.max_concurrency, "Cases at a time")
      ->check(CLI::Range(1u, most).description(""))
      ->type_name("N");
  app.add_option("--trial-count", arguments.trial_count, "How often each case runs")
      ->check(CLI::Range(1u, most).description(""))
      ->type_name("N");
  app.add_option("--timeout", timeout, "Of each eval")->check(CLI::Range(0.001, 1e9).description(""))->type_name("SECONDS");
  app.add_option("--min-score", min_scores, "The least average of a score, 0 to 1; again for further ones")
      ->allow_extra_args(false)
      ->type_name("NAME=NUMBER");
  app.add_option("--max-regressions", arguments.thresholds.max_regressions,
                 "How many scores of cases of an eval may be worse than in the base experiment")
      ->check(CLI::Range(0.0, 1e18).description(""))
      ->type_name("N");
  app.add_flag("--jsonl", arguments.jsonl, "Print a line of JSON for each eval, and nothing else");
  app.add_flag("--no-color", arguments.no_color, "Print without colours");
  app.footer(
      "Exit codes: 0 all is good; 1 a case failed, a threshold was missed or an eval did not run to its end;\n"
      "2 wrong usage; 130 interrupted.");
  try {
    app.parse(argc, argv);
    for (const auto& text : filters) add_filter(text, arguments);
    for (const auto& text : min_scores) add_min_score(text, arguments.thresholds);
  } catch (const CLI::ParseError& error) {
    // Help and version are "errors" of exit code 0; every real one is a mistake in the call.
    return app.exit(error, std::cout, std::cerr) == 0 ? 0 : 2;
  }
  if (timeout > 0) arguments.timeout = std::chrono::milliseconds(std::llround(timeout * 1000));
  return arguments;
}

}  // namespace braintrust::detail
