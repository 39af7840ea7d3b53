#pragma once

// The documents that answers come from: sections of Markdown files, found by their words.

#include <braintrust/core/json.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

struct Section {
  std::string source = {};  // "README.md, Guarantees"
  std::string text = {};
};

struct Hit {
  Section section = {};
  double score = 0;
};

// How a hit looks in a span.
inline braintrust::Json to_json(const Hit& hit) {
  return {{"source", hit.section.source}, {"score", hit.score}, {"text", hit.section.text}};
}

class Documents {
 public:
  // Adds a Markdown file, or all those below a folder. Throws std::runtime_error when there is nothing to read.
  void add(const std::filesystem::path& path);

  // The sections that fit best, best first (BM25).
  std::vector<Hit> search(std::string_view question, std::size_t most) const;

  std::size_t sections() const { return sections_.size(); }

 private:
  void add_file(const std::filesystem::path& file);
  void add_section(Section section);

  std::vector<Section> sections_;
  std::vector<std::map<std::string, int>> words_;  // of each section, how often
  std::map<std::string, int> sections_with_;       // each word
  std::size_t all_words_ = 0;
};

// Lower-case words of three letters and more, without the commonest.
std::vector<std::string> words_of(std::string_view text);
