#include "local/tree_print.h"

#include <algorithm>
#include <utility>

#include <braintrust/local/draw.h>
#include <fmt/format.h>

#include "local/paint.h"

namespace braintrust::local {
namespace {

using detail::duration_text;

// Deeper spans are drawn at this depth: the tree must not walk out of the window.
constexpr std::size_t max_depth = 24;

// The strokes of the tree, three columns each.
struct Strokes {
  const char *branch, *last, *bar, *space, *error;
};
constexpr Strokes unicode_strokes{"├─ ", "└─ ", "│  ", "   ", "✗ "};
constexpr Strokes ascii_strokes{"|- ", "`- ", "|  ", "   ", "! "};

std::string span_duration(const SpanNode& span, bool unicode) {
  if (!span.end) return unicode ? "…open" : "open";
  if (!span.start || *span.end < *span.start || *span.end - *span.start > 1e9) return "?";
  return duration_text(std::chrono::round<std::chrono::microseconds>(std::chrono::duration<double>(*span.end - *span.start)));
}

// A span and the strokes before its own line and before the lines below it.
struct Line {
  std::size_t span;
  std::string head;
  std::string rest;
};

std::vector<Line> lay_out(const TraceTree& tree, const Strokes& strokes) {
  struct Pending {
    std::size_t span;
    std::string prefix;
    std::size_t depth;
    bool last;
  };
  std::vector<Line> lines;
  std::vector<Pending> pending;
  for (auto root = tree.roots.rbegin(); root != tree.roots.rend(); ++root) pending.push_back({*root, "", 0, false});
  while (!pending.empty()) {
    const auto next = std::move(pending.back());
    pending.pop_back();
    const auto& children = tree.spans[next.span].children;
    const bool grows = next.depth > 0 && next.depth <= max_depth;
    const auto below = next.prefix + (grows ? (next.last ? strokes.space : strokes.bar) : "");
    const auto head =
        next.depth == 0 ? std::string() : next.prefix + (grows ? (next.last ? strokes.last : strokes.branch) : "");
    lines.push_back({next.span, head, below + (children.empty() ? strokes.space : strokes.bar)});
    for (auto child = children.rbegin(); child != children.rend(); ++child) {
      pending.push_back({*child, below, next.depth + 1, child == children.rbegin()});
    }
  }
  return lines;
}

std::string header(const TraceSummary& summary, const Painter& paint, const Style& style) {
  const std::string dot = style.unicode ? " · " : " - ";
  auto text = time_text(summary.start) + dot + counted(summary.spans, "span", "spans") + dot + duration_text(summary.duration);
  if (summary.tokens > 0) text += dot + counted(summary.tokens, "token", "tokens");
  std::string errors;
  if (summary.errors > 0) errors = dot + paint.red(counted(summary.errors, "error", "errors"));
  if (summary.open) errors += paint.dim(dot + "not finished");
  return paint.bold("trace " + short_id(summary.root_span_id)) + paint.dim(dot + text) + errors + "\n";
}

}  // namespace

std::string print_tree(const TraceTree& tree, const TraceSummary& summary, const Style& style) {
  const Painter paint(style);
  const auto& strokes = style.unicode ? unicode_strokes : ascii_strokes;
  const auto lines = lay_out(tree, strokes);

  // The columns to the right stand as near to the names as the longest name permits.
  struct Cells {
    std::string name, type, duration, tokens;
  };
  std::vector<Cells> cells;
  std::size_t left = 0, type = 0, duration = 0, tokens = 0;
  for (const auto& line : lines) {
    const auto& span = tree.spans[line.span];
    const auto head = display_width(line.head);
    const auto room = style.width > head + 45 ? style.width - head - 45 : 12;
    Cells cell{one_line(span.name, room), one_line(span.type, 12), span_duration(span, style.unicode),
               span.tokens > 0 ? fmt::format("{} tok", span.tokens) : std::string()};
    if (span.orphan) cell.name += " (parent missing)";
    left = std::max(left, head + display_width(cell.name));
    type = std::max(type, display_width(cell.type));
    duration = std::max(duration, display_width(cell.duration));
    tokens = std::max(tokens, display_width(cell.tokens));
    cells.push_back(std::move(cell));
  }

  auto text = header(summary, paint, style);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& span = tree.spans[lines[i].span];
    const auto& cell = cells[i];
    const auto used = display_width(lines[i].head) + display_width(cell.name);
    text += paint.dim(lines[i].head) + (span.error ? paint.red(cell.name) : paint.bold(cell.name)) + pad(left - used + gap);
    text += paint.cyan(pad_right(cell.type, type)) + pad(type > 0 ? gap : 0) + pad_left(cell.duration, duration);
    if (!cell.tokens.empty()) text += pad(gap) + pad_left(cell.tokens, tokens);
    text += '\n';

    const auto detail = [&](const char* label, const std::string& value) {
      if (value.empty()) return;
      const auto before = display_width(lines[i].rest) + std::string_view(label).size();
      text += paint.dim(lines[i].rest + label + one_line(value, style.width > before + 20 ? style.width - before : 20)) + '\n';
    };
    if (span.error) {
      const auto before = display_width(lines[i].rest) + 2;
      text += paint.dim(lines[i].rest) +
              paint.red(strokes.error + one_line(*span.error, style.width > before + 20 ? style.width - before : 20)) + '\n';
    }
    detail("in     ", span.input);
    detail("out    ", span.output);
    detail("expect ", span.expected);
    detail("score  ", span.scores);
    detail("tags   ", fmt::format("{}", fmt::join(span.tags, ", ")));
    for (const auto& comment : span.comments) detail("note   ", comment);
  }
  return text;
}

std::string print_span_line(const SpanNode& span, const Style& style) {
  const Painter paint(style);
  const auto end = std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::duration<double>(span.end.value_or(0))));
  const std::string clock = time_text(end).substr(11), name = one_line(span.name, 40), type = one_line(span.type, 12);
  const std::string duration = span_duration(span, style.unicode);
  const std::string tokens = span.tokens > 0 ? fmt::format("  {} tok", span.tokens) : std::string();
  std::string text = paint.dim(clock) + "  " + (span.error ? paint.red(name) : paint.bold(name));
  if (!type.empty()) text += "  " + paint.cyan(type);
  text += "  " + duration + tokens;
  const std::size_t used = clock.size() + display_width(name) + display_width(type) + duration.size() + tokens.size() + 8;
  const std::size_t room = style.width > used + 20 ? style.width - used : 20;
  if (span.error) {
    text += "  " + paint.red((style.unicode ? unicode_strokes : ascii_strokes).error + one_line(*span.error, room));
  } else if (!span.output.empty()) {
    text += "  " + paint.dim(one_line(span.output, room));
  }
  return text;
}

Result<std::string> draw_trace(const Store& store, std::string_view root_span_id) {
  const auto rows = store.rows_json(root_span_id);
  if (!rows) return rows.error();
  const auto tree = build_tree(*rows, [&](std::string_view key) {
    const auto attachment = store.attachment(key);
    return attachment ? attachment->size : std::nullopt;
  });
  return print_tree(tree, summarize(tree, std::string(root_span_id)), detail::style_of(stdout));
}

std::string print_list(const std::vector<TraceSummary>& traces, const Style& style) {
  const Painter paint(style);
  struct Cells {
    std::string id, when, spans, duration, tokens, errors, name;
  };
  std::vector<Cells> rows{{"TRACE", "WHEN", "SPANS", "DURATION", "TOKENS", "ERRORS", "NAME"}};
  std::vector<std::string> ids;
  for (const auto& trace : traces) ids.push_back(trace.root_span_id);
  const auto id_length = short_id_length(ids);
  for (const auto& trace : traces) {
    const std::string none = "-";
    rows.push_back({short_id(trace.root_span_id, id_length), time_text(trace.start), std::to_string(trace.spans),
                    duration_text(trace.duration), trace.tokens > 0 ? std::to_string(trace.tokens) : none,
                    trace.errors > 0 ? std::to_string(trace.errors) : none, trace.name});
    if (trace.open) rows.back().name += style.unicode ? " …open" : " (open)";
  }
  const auto width = [&](std::string Cells::*cell) {
    std::size_t widest = 0;
    for (const auto& row : rows) widest = std::max(widest, display_width(row.*cell));
    return widest;
  };
  const auto id = width(&Cells::id), when = width(&Cells::when), spans = width(&Cells::spans),
             duration = width(&Cells::duration);
  const auto tokens = width(&Cells::tokens), errors = width(&Cells::errors);
  const auto before = id + when + spans + duration + tokens + errors + 6 * gap;
  const auto between = pad(gap);
  std::string text;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& row = rows[i];
    const auto middle = pad_right(row.when, when) + between + pad_left(row.spans, spans) + between +
                        pad_left(row.duration, duration) + between + pad_left(row.tokens, tokens) + between;
    const auto error_cell = pad_left(row.errors, errors);
    const auto room = style.width > before + 20 ? style.width - before : 20;
    const auto name = one_line(row.name, room);
    const auto left = room - display_width(name);
    if (i == 0) {
      text += paint.dim(pad_right(row.id, id) + between + middle + error_cell + between + name) + '\n';
    } else {
      text += paint.cyan(pad_right(row.id, id)) + between + middle +
              (traces[i - 1].errors > 0 ? paint.red(error_cell) : error_cell) + between + paint.bold(name);
      if (const auto& input = traces[i - 1].input; !input.empty() && left > gap)
        text += between + paint.dim(one_line(input, left - gap));
      text += '\n';
    }
  }
  return text;
}

}  // namespace braintrust::local
