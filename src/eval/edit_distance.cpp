#include "eval/edit_distance.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "eval/code_points.h"

namespace braintrust::eval {
namespace {

constexpr std::size_t word_bits = 64;

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// What both begin and end with takes no edit.
template <class Text>
void trim_common(Text& left, Text& right) {
  const auto ahead = std::mismatch(left.begin(), left.end(), right.begin(), right.end()).first - left.begin();
  left.remove_prefix(static_cast<std::size_t>(ahead));
  right.remove_prefix(static_cast<std::size_t>(ahead));
  const auto behind = std::mismatch(left.rbegin(), left.rend(), right.rbegin(), right.rend()).first - left.rbegin();
  left.remove_suffix(static_cast<std::size_t>(behind));
  right.remove_suffix(static_cast<std::size_t>(behind));
}

// How a cell differs from the one before it in its row: it is greater, smaller (by one), or neither.
template <class Bit>
struct StepOf {
  Bit grows = 1;
  Bit shrinks = 0;
};
using Step = StepOf<std::uint64_t>;
using StoredStep = StepOf<std::uint8_t>;

// 64 rows of one column: where it grows from row to row, and where it shrinks. At first, column 0, which always grows.
struct Block {
  std::uint64_t up = ~std::uint64_t{0};
  std::uint64_t down = 0;

  // Goes on to the next column. `equal` are the rows whose symbol is the column's, `above` the step of the row above the block.
  // Gives the step of row `last`.
  Step advance(std::uint64_t equal, Step above, std::size_t last) {
    const std::uint64_t entry = equal | above.shrinks;
    const std::uint64_t diagonal = (((entry & up) + up) ^ up) | entry | down;  // where a cell is as that above left of it
    const std::uint64_t grows = down | ~(diagonal | up);
    const std::uint64_t shrinks = diagonal & up;
    const std::uint64_t grows_above = (grows << 1) | above.grows;
    const std::uint64_t shrinks_above = (shrinks << 1) | above.shrinks;
    up = shrinks_above | ~(diagonal | grows_above);
    down = grows_above & diagonal;
    return {(grows >> last) & 1, (shrinks >> last) & 1};
  }
};

// Does the rows of `part`, which fill `count` blocks, for all columns. `steps` are those of the row above and become those of
// the last row. Two blocks at once save a third of the time: each waits for its own column before, and meanwhile the other
// goes. `places` is empty before and after.
template <std::size_t count, class Symbol>
void sweep(std::span<const Symbol> part, std::span<const Symbol> text, std::vector<std::uint64_t>& places,
           std::vector<StoredStep>& steps) {
  for (std::size_t row = 0; row < part.size(); ++row) {
    places[part[row] * count + row / word_bits] |= std::uint64_t{1} << row % word_bits;
  }
  std::array<Block, count> blocks;
  const std::size_t last = (part.size() - 1) % word_bits;
  for (std::size_t column = 0; column < text.size(); ++column) {
    const std::uint64_t* const equal = &places[text[column] * count];
    Step step{steps[column].grows, steps[column].shrinks};
    for (std::size_t i = 0; i + 1 < count; ++i) step = blocks[i].advance(equal[i], step, word_bits - 1);
    step = blocks[count - 1].advance(equal[count - 1], step, last);
    steps[column] = {static_cast<std::uint8_t>(step.grows), static_cast<std::uint8_t>(step.shrinks)};
  }
  for (const Symbol symbol : part) std::fill_n(&places[symbol * count], count, 0);
}

// The matrix has a row for each symbol of `pattern` and a column for each of `text`; neighbours in it differ by one at most.
// Symbols are below `alphabet`.
template <class Symbol>
std::size_t distance(std::span<const Symbol> pattern, std::span<const Symbol> text, std::size_t alphabet) {
  std::vector<std::uint64_t> places(alphabet * (pattern.size() <= word_bits ? 1 : 2));
  std::vector<StoredStep> steps(text.size());
  for (auto rest = pattern; !rest.empty();) {
    const auto part = rest.first(std::min(2 * word_bits, rest.size()));
    if (part.size() <= word_bits) {
      sweep<1>(part, text, places, steps);
    } else {
      sweep<2>(part, text, places, steps);
    }
    rest = rest.subspan(part.size());
  }
  // Down the first column, then along the last row.
  return std::accumulate(steps.begin(), steps.end(), pattern.size(),
                         [](std::size_t sum, StoredStep step) { return sum + step.grows - step.shrinks; });
}

std::size_t ascii_distance(std::string_view pattern, std::string_view text) {
  const auto bytes = [](std::string_view view) {
    return std::span(reinterpret_cast<const unsigned char*>(view.data()), view.size());
  };
  return distance(bytes(pattern), bytes(text), 0x80);
}

// Code points are numbered as they stand in the sorted pattern, so that a table of them stays small. 0 is all others.
std::size_t wide_distance(std::u32string_view pattern, std::u32string_view text) {
  std::u32string known(pattern);
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  const auto numbered = [&](std::u32string_view points) {
    std::vector<std::uint32_t> numbers(points.size());
    std::transform(points.begin(), points.end(), numbers.begin(), [&](char32_t point) {
      const auto at = std::lower_bound(known.begin(), known.end(), point);
      return at != known.end() && *at == point ? static_cast<std::uint32_t>(at - known.begin() + 1) : 0;
    });
    return numbers;
  };
  const auto rows = numbered(pattern);
  const auto columns = numbered(text);
  return distance(std::span(rows), std::span(columns), known.size() + 1);
}

template <class Text, class Distance>
Edits counted(Text left, Text right, Distance distance_of) {
  const std::size_t longest = std::max(left.size(), right.size());
  trim_common(left, right);
  if (left.size() > right.size()) std::swap(left, right);
  return {left.empty() ? right.size() : distance_of(left, right), longest};
}

}  // namespace

Edits edits_between(std::string_view left, std::string_view right) {
  if (is_ascii(left) && is_ascii(right)) return counted(left, right, ascii_distance);
  const std::u32string left_points = code_points(left);
  const std::u32string right_points = code_points(right);
  return counted(std::u32string_view(left_points), std::u32string_view(right_points), wide_distance);
}

}  // namespace braintrust::eval
