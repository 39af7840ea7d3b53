#pragma once

// How many edits turn one text into another: Levenshtein's distance over Unicode code points.
//
// Made for long texts: 64 cells of the matrix are one step on machine words. Time is n * m / 64, memory n + m.
//
// Threads: pure. Errors: none; what is no UTF-8 counts as U+FFFD, one for each sequence that utf8.h steps over.
// Source: H. Hyyrö, "A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit Distances" (2003), after G. Myers.

#include <cstddef>
#include <string_view>

namespace braintrust::eval {

struct Edits {
  std::size_t count = 0;    // insertions, deletions and replacements, as few as will do
  std::size_t longest = 0;  // code points of the longer text: the most edits there can be
};

Edits edits_between(std::string_view left, std::string_view right);

}  // namespace braintrust::eval
