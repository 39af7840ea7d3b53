#include <braintrust/eval/reporter.h>

#include <algorithm>
#include <utility>

#include "core/text_width.h"
#include "eval/terminal_reporter.h"

namespace braintrust {
namespace detail {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t least_between_bars = second / 10;
constexpr std::int64_t least_between_lines = second;
constexpr std::int64_t most_between_lines = 10 * second;

std::function<void(std::string_view)> writer_to(std::FILE* file) {
  return [file](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), file);
    std::fflush(file);
  };
}

bool color_of(const ReporterOptions& options, const Style& style) {
  return options.color == ReporterOptions::Color::automatic ? style.color : options.color == ReporterOptions::Color::yes;
}

}  // namespace

TerminalReporter::TerminalReporter(ReporterOptions options, Clock clock)
    : options_(std::move(options)), clock_(std::move(clock)), progress_paint_(Style{}) {
  auto* const output = options_.write ? nullptr : options_.output ? options_.output : stdout;
  report_ = output ? writer_to(output) : options_.write;
  if (output) style_ = style_of(output);
  style_.color = color_of(options_, style_);
  if (options_.width > 0) style_.width = std::max<std::size_t>(options_.width, 20);

  // Progress stands where the report does, unless that is for programs.
  auto* const progress_file = options_.jsonl ? stderr : output;
  const auto write_progress = progress_file ? writer_to(progress_file) : report_;
  using Kind = ReporterOptions::Progress;
  if (options_.progress == Kind::automatic) {
    const bool redraws = progress_file && can_redraw(progress_file);
    options_.progress = redraws ? Kind::bar : options_.jsonl ? Kind::none : Kind::lines;
  }
  if (!options_.jsonl || options_.progress != Kind::none) progress_to_ = write_progress;
  progress_paint_ = Painter({.color = color_of(options_, progress_file ? style_of(progress_file) : style_)});
  bar_file_ = progress_file;
}

void TerminalReporter::on_start(const Start& start) {
  progress_ = {.eval_name = start.eval_name, .cases = start.cases};
  failures_.clear();
  began_ = told_ = clock_();
  told_step_ = 0;
  if (!progress_to_) return;
  if (start.experiment_name.empty()) {
    progress_to_("Eval " + progress_paint_.bold(one_line(start.eval_name, std::string::npos)) +
                 " is running; nothing is sent to Braintrust\n");
  } else {
    auto line = "Experiment " + progress_paint_.bold(one_line(start.experiment_name, std::string::npos)) + " is running";
    if (!start.experiment_url.empty()) {
      line += " at " + progress_paint_.cyan(one_line(start.experiment_url, std::string::npos));
    }
    progress_to_(line + "\n");
  }
  if (options_.progress == ReporterOptions::Progress::bar) draw_bar();
}

void TerminalReporter::on_case(const EvalCaseResult& result, std::size_t done) {
  progress_.add(result);
  progress_.done = done;
  if (!result.ok() && failures_.size() < options_.shown_failures) failures_.push_back(failed_case(result));
  if (progress_to_ && began_) show_progress();
}

void TerminalReporter::show_progress() {
  const auto now = clock_();
  progress_.elapsed = std::chrono::nanoseconds(now - *began_);
  const auto since = now - told_;
  switch (options_.progress) {
    case ReporterOptions::Progress::bar:
      if (since < least_between_bars && progress_.done != progress_.cases) return;
      draw_bar();
      break;
    case ReporterOptions::Progress::lines: {
      const auto step = progress_.percent().value_or(0) / 10;
      const bool due = step > told_step_ ? since >= least_between_lines : since >= most_between_lines;
      if (!due || progress_.done == progress_.cases) return;  // the end has its own words
      told_step_ = step;
      progress_to_(progress_line(progress_) + "\n");
      break;
    }
    default:
      return;
  }
  told_ = now;
}

// Without escapes, which NO_COLOR might be thought to forbid: spaces cover what stood there.
void TerminalReporter::draw_bar() {
  auto columns = options_.width;
  if (columns == 0 && bar_file_) columns = terminal_columns(bar_file_);
  if (columns == 0) columns = style_.width;
  // A line that reaches the last column wraps, and could not be overwritten.
  const auto line = progress_bar(progress_, columns - 1, progress_paint_);
  const Painter plain(Style{});
  const auto drawn = display_width(progress_bar(progress_, columns - 1, plain));
  const auto stale = drawn_columns_ > drawn ? drawn_columns_ - drawn : 0;
  progress_to_("\r" + line + std::string(stale, ' '));
  drawn_columns_ = drawn;
}

void TerminalReporter::clear_bar() {
  if (drawn_columns_ == 0) return;
  progress_to_("\r" + std::string(drawn_columns_, ' ') + "\r");
  drawn_columns_ = 0;
}

void TerminalReporter::on_end(const EvalResult& result) {
  clear_bar();
  if (options_.jsonl) return report_(summary_json(result) + "\n");
  std::optional<std::chrono::nanoseconds> elapsed;
  if (began_) elapsed = std::chrono::nanoseconds(clock_() - *began_);
  auto failures = std::exchange(failures_, {});
  if (!result.results.empty()) {  // in the order of the data, the same each time
    failures.clear();
    for (const auto& one : result.results) {
      if (!one.ok() && failures.size() < options_.shown_failures) failures.push_back(failed_case(one));
    }
  }
  report_(summary_text(result, failures, elapsed, style_));
  began_.reset();
}

}  // namespace detail

std::shared_ptr<EvalReporter> terminal_reporter(ReporterOptions options) {
  return std::make_shared<detail::TerminalReporter>(std::move(options));
}

}  // namespace braintrust
