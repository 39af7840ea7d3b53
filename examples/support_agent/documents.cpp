#include "documents.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fstream>
#include <numeric>
#include <set>
#include <stdexcept>

namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest_section = 1500;  // bytes; more of one text helps no model

std::string shortened(std::string text) {
  if (text.size() <= longest_section) return text;
  text.resize(text.find_last_of(" \n", longest_section));
  return text;
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  static const std::set<std::string> common = {"and",  "are",  "but",   "can",   "did",  "does", "for", "from",
                                               "has",  "have", "how",   "into",  "its",  "not",  "one", "that",
                                               "the",  "them", "then",  "there", "they", "this", "was", "were",
                                               "what", "when", "which", "who",   "why",  "with", "you"};
  std::vector<std::string> words;
  std::string word;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const auto letter = static_cast<unsigned char>(i < text.size() ? text[i] : ' ');
    if (std::isalnum(letter) || letter == '_' || letter >= 128) {
      word += static_cast<char>(std::tolower(letter));
    } else {
      if (word.size() > 3 && word.ends_with('s')) word.pop_back();  // span, spans
      if (word.size() >= 3 && !common.contains(word)) words.push_back(word);
      word.clear();
    }
  }
  return words;
}

void Documents::add(const fs::path& path) {
  if (!fs::exists(path)) throw std::runtime_error("no such file or folder: " + path.string());
  if (!fs::is_directory(path)) return add_file(path);
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path, fs::directory_options::skip_permission_denied)) {
    if (entry.path().extension() == ".md" && entry.is_regular_file()) files.push_back(entry.path());
  }
  if (files.empty()) throw std::runtime_error("no Markdown files (*.md) in " + path.string());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) add_file(file);
}

// A section is a heading and the text below it, without blocks of code.
void Documents::add_file(const fs::path& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  const std::string name = file.filename().string();
  Section section{.source = name};
  bool code = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) code = !code;
    if (code || line.starts_with("```")) continue;
    const auto level = line.find_first_not_of('#');
    if (level > 0 && level != std::string::npos && line[level] == ' ') {
      add_section(std::move(section));
      section = {.source = name + ", " + line.substr(level + 1)};
    } else {
      section.text += line + '\n';
    }
  }
  add_section(std::move(section));
}

void Documents::add_section(Section section) {
  section.text = shortened(std::move(section.text));
  auto words = words_of(section.source + ' ' + section.text);
  if (words.size() < 8) return;  // a heading and little else
  std::map<std::string, int> counts;
  for (const auto& word : words) ++counts[word];
  for (const auto& [word, count] : counts) ++sections_with_[word];
  all_words_ += words.size();
  words_.push_back(std::move(counts));
  sections_.push_back(std::move(section));
}

std::vector<Hit> Documents::search(std::string_view question, std::size_t most) const {
  constexpr double k1 = 1.2, b = 0.75;  // the usual
  const double sections = static_cast<double>(sections_.size());
  const double usual_length = static_cast<double>(all_words_) / std::max(sections, 1.0);
  std::vector<Hit> hits;
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    const auto length =
        std::accumulate(words_[i].begin(), words_[i].end(), 0.0, [](double sum, auto& one) { return sum + one.second; });
    double score = 0;
    for (const auto& word : words_of(question)) {
      const auto found = words_[i].find(word);
      if (found == words_[i].end()) continue;
      const double rare = sections_with_.at(word);
      score += std::log(1 + (sections - rare + 0.5) / (rare + 0.5)) * found->second * (k1 + 1) /
               (found->second + k1 * (1 - b + b * length / usual_length));
    }
    if (score > 0) hits.push_back({sections_[i], std::round(score * 100) / 100});
  }
  std::stable_sort(hits.begin(), hits.end(), [](const Hit& one, const Hit& other) { return one.score > other.score; });
  if (hits.size() > most) hits.resize(most);
  return hits;
}
