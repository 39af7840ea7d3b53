#include "local/paint.h"

#include <algorithm>
#include <ctime>
#include <set>

namespace braintrust::local {

std::string pad(std::size_t columns) { return std::string(columns, ' '); }

std::string time_text(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local)};
}

std::string short_id(const std::string& root_span_id, std::size_t length) {
  return one_line(root_span_id.substr(0, length), length);
}

std::size_t short_id_length(const std::vector<std::string>& ids) {
  for (std::size_t length = 8; length < 32; ++length) {
    std::set<std::string> seen;
    if (std::all_of(ids.begin(), ids.end(), [&](const auto& id) { return seen.insert(id.substr(0, length)).second; })) {
      return length;
    }
  }
  return 64;
}

std::string print_table(const std::vector<TableColumn>& columns, const std::vector<std::vector<TableCell>>& rows,
                        const Style& style) {
  const Painter paint(style);
  std::vector<std::size_t> widths;
  std::size_t before = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    auto& widest = widths.emplace_back(display_width(columns[i].heading));
    for (const auto& row : rows) widest = std::max(widest, display_width(row[i].text));
    if (i + 1 < columns.size()) before += widest + gap;
  }
  const auto toned = [&](const TableCell& cell, const std::string& text) {
    using Tone = TableCell::Tone;
    return cell.tone == Tone::id     ? paint.cyan(text)
           : cell.tone == Tone::name ? paint.bold(text)
           : cell.tone == Tone::bad  ? paint.red(text)
           : cell.tone == Tone::good ? paint.green(text)
                                     : text;
  };
  const auto placed = [&](std::size_t i, const std::string& text) {
    if (columns[i].number) return pad_left(text, widths[i]);
    if (i + 1 < columns.size()) return pad_right(text, widths[i]);
    return one_line(text, style.width > before + 20 ? style.width - before : 20);
  };
  std::string text;
  for (std::size_t i = 0; i < columns.size(); ++i) text += pad(i > 0 ? gap : 0) + paint.dim(placed(i, columns[i].heading));
  text += '\n';
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < columns.size(); ++i) text += pad(i > 0 ? gap : 0) + toned(row[i], placed(i, row[i].text));
    text += '\n';
  }
  return text;
}

}  // namespace braintrust::local
