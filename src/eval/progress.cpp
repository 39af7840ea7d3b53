#include "eval/progress.h"

#include <algorithm>

#include <fmt/format.h>

#include "core/quantity_text.h"
#include "core/text_width.h"

namespace braintrust::detail {
namespace {

// At the pace so far. Whole seconds: more would be a guess.
std::string rest_text(const Progress& progress) {
  const auto left = static_cast<double>(*progress.cases - progress.done);
  const auto seconds = std::chrono::duration<double>(progress.elapsed).count() / static_cast<double>(progress.done) * left;
  const auto whole = std::chrono::ceil<std::chrono::seconds>(std::chrono::duration<double>(std::min(seconds, 1e8)));
  return whole.count() < 60 ? fmt::format("{} s", whole.count()) : duration_text(whole);
}

std::string bar(std::size_t done, std::size_t cases, std::size_t cells) {
  const auto full = std::min(cells, cases == 0 ? 0 : done * cells / cases);
  std::string text;
  for (std::size_t i = 0; i < cells; ++i) text += i < full ? "━" : "─";
  return text;
}

}  // namespace

void Progress::add(const EvalCaseResult& result) {
  if (!result.ok()) ++failed;
  for (const auto& [name, score] : result.scores) {
    if (!score) continue;
    auto& average = scores[name];
    average.sum += *score;
    ++average.count;
  }
}

std::optional<std::size_t> Progress::percent() const {
  if (!cases) return std::nullopt;
  return *cases == 0 ? 100 : std::min<std::size_t>(100, done * 100 / *cases);
}

std::string progress_bar(const Progress& progress, std::size_t columns, const Painter& paint) {
  std::string line;
  std::size_t used = 0;
  bool full = false;
  const auto add = [&](const std::string& plain, const std::string& painted) {
    const auto gap = used == 0 ? 0U : 2U;
    full = full || used + gap + display_width(plain) > columns;
    if (full) return;
    line += std::string(gap, ' ') + painted;
    used += gap + display_width(plain);
  };
  const auto add_plain = [&](const std::string& text) { add(text, text); };

  const auto name = one_line(progress.eval_name, std::min<std::size_t>(24, columns / 3));
  add(name, paint.bold(name));
  if (const auto percent = progress.percent()) {
    if (columns >= 40) {
      const auto drawn = bar(progress.done, *progress.cases, columns >= 60 ? 20 : 10);
      add(drawn, paint.cyan(drawn));
    }
    add_plain(fmt::format("{}/{}", progress.done, *progress.cases));
    add_plain(fmt::format("{}%", *percent));
    if (progress.done > 0 && progress.done < *progress.cases) add_plain("ETA " + rest_text(progress));
  } else {
    add_plain(counted(progress.done, "case", "cases"));
  }
  if (progress.failed > 0) {
    const auto failed = fmt::format("{} failed", progress.failed);
    add(failed, paint.red(failed));
  }
  for (const auto& [score, average] : progress.scores) {
    add_plain(fmt::format("{} {:.1f}%", one_line(score, 20), average.value() * 100));
  }
  return line;
}

std::string progress_line(const Progress& progress) {
  auto line = one_line(progress.eval_name, 60) + ": ";
  if (const auto percent = progress.percent()) {
    line += fmt::format("{}/{} cases ({}%)", progress.done, *progress.cases, *percent);
  } else {
    line += counted(progress.done, "case", "cases");
  }
  if (progress.failed > 0) line += fmt::format(", {} failed", progress.failed);
  for (const auto& [score, average] : progress.scores) {
    line += fmt::format(", {} {:.1f}%", one_line(score, 40), average.value() * 100);
  }
  return line;
}

}  // namespace braintrust::detail
