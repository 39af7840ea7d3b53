#include "local/trace_tree.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/text_width.h"

namespace braintrust::local {
namespace {

// The fields of a value are shown in the order in which they were written.
using json = nlohmann::ordered_json;

// Of an input in a list: more than a line of a terminal shows.
constexpr std::size_t most_input_columns = 400;

const json& at(const json& object, const char* key) {
  static const json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

std::string text_of(const json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }

std::optional<double> number_of(const json& value) {
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

// One line for people: texts as they are, everything else as compact JSON.
std::string display(const json& value) {
  if (value.is_null()) return {};
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string first_line(const std::string& text) {
  const auto begin = text.find_first_not_of("\r\n\t ");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_first_of("\r\n", begin) - begin);
}

std::optional<std::string> error_of(const json& error) {
  if (error.is_null() || error == false) return std::nullopt;
  const auto& message = at(error, "message");
  auto line = first_line(message.is_string() ? message.get<std::string>() : display(error));
  return line.empty() ? "(an error without a message)" : std::move(line);
}

std::uint64_t tokens_of(const json& metrics) {
  auto tokens = number_of(at(metrics, "tokens"));
  if (!tokens)
    tokens = number_of(at(metrics, "prompt_tokens")).value_or(0) + number_of(at(metrics, "completion_tokens")).value_or(0);
  // A number that is none of a token count's must not be converted: that would be undefined.
  return *tokens >= 0 && *tokens < 1e18 ? static_cast<std::uint64_t>(*tokens) : 0;
}

std::string scores_of(const json& scores) {
  std::string text;
  if (!scores.is_object()) return text;
  for (const auto& [name, score] : scores.items()) {
    if (!text.empty()) text += "  ";
    text +=
        score.is_number() ? fmt::format("{} {:.3g}", name, score.get<double>()) : fmt::format("{} {}", name, display(score));
  }
  return text;
}

void append(std::string& text, std::string_view separator, const std::string& more) {
  if (!text.empty()) text += separator;
  text += more;
}

// What one message of a conversation says: its text, or the tools it asks for.
std::string said(const json& message) {
  const auto& content = at(message, "content");
  std::string text;
  if (content.is_array()) {
    for (const auto& part : content) {
      const auto& words = at(part, "text");
      const auto attachment = words.is_string() ? std::string() : short_reference_in(part);
      append(text, " ",
             words.is_string()    ? words.get<std::string>()
             : attachment.empty() ? fmt::format("[{}]", text_of(at(part, "type")))
                                  : attachment);
    }
  } else {
    text = display(content);
  }
  if (const auto& calls = at(message, "tool_calls"); calls.is_array()) {
    for (const auto& call : calls) {
      const auto& function = at(call, "function");
      append(text, "  ", fmt::format("{}({})", text_of(at(function, "name")), display(at(function, "arguments"))));
    }
  }
  return text;
}

// A conversation's last message says what a model call is about; the others stood in the call before.
std::string conversation(const json& input) {
  if (!input.is_array() || input.empty() || !at(input.back(), "role").is_string()) return display(input);
  return fmt::format("{}: {}", text_of(at(input.back(), "role")), said(input.back()));
}

// The choices of a chat completion.
std::string choices(const json& output) {
  if (!output.is_array() || output.empty() || !at(output.front(), "message").is_object()) return display(output);
  std::string text;
  for (const auto& choice : output) append(text, "  |  ", said(at(choice, "message")));
  return text;
}

SpanNode node_of(const json& row) {
  const auto& attributes = at(row, "span_attributes");
  const auto& metrics = at(row, "metrics");
  SpanNode node;
  node.row_id = text_of(at(row, "id"));
  node.span_id = text_of(at(row, "span_id"));
  node.name = text_of(at(attributes, "name"));
  node.type = text_of(at(attributes, "type"));
  node.start = number_of(at(metrics, "start"));
  node.end = number_of(at(metrics, "end"));
  if (const auto& counter = at(attributes, "exec_counter"); counter.is_number_integer())
    node.exec_counter = counter.get<std::int64_t>();
  node.tokens = tokens_of(metrics);
  node.error = error_of(at(row, "error"));
  const bool model_call = node.type == "llm";
  node.input = model_call ? conversation(at(row, "input")) : display(at(row, "input"));
  node.output = model_call ? choices(at(row, "output")) : display(at(row, "output"));
  node.expected = display(at(row, "expected"));
  node.scores = scores_of(at(row, "scores"));
  if (const auto& tags = at(row, "tags"); tags.is_array()) {
    for (const auto& tag : tags) node.tags.push_back(display(tag));
  }
  node.in_experiment = at(row, "experiment_id").is_string();
  if (node.name.empty()) node.name = node.span_id.empty() ? node.row_id : node.span_id;
  return node;
}

// Links children to parents. A span is linked once, under the first of its parents that is there.
void link(TraceTree& tree, const std::vector<std::vector<std::string>>& parents) {
  std::unordered_map<std::string, std::size_t> by_span;
  for (std::size_t i = 0; i < tree.spans.size(); ++i) by_span.emplace(tree.spans[i].span_id, i);
  for (std::size_t i = 0; i < tree.spans.size(); ++i) {
    const auto parent =
        std::find_if(parents[i].begin(), parents[i].end(), [&](const auto& id) { return by_span.contains(id); });
    if (parent != parents[i].end() && by_span[*parent] != i) {
      tree.spans[by_span[*parent]].children.push_back(i);
    } else {
      tree.spans[i].orphan = !parents[i].empty();
      tree.roots.push_back(i);
    }
  }
}

// Whatever no root leads to hangs on a circle of parents, which is cut where it is met first.
void cut_circles(TraceTree& tree) {
  std::vector<bool> reached(tree.spans.size());
  for (const auto i : tree.in_order()) reached[i] = true;
  for (std::size_t i = 0; i < tree.spans.size(); ++i) {
    if (reached[i]) continue;
    for (auto& span : tree.spans) std::erase(span.children, i);
    tree.spans[i].orphan = true;
    tree.roots.push_back(i);
    std::vector<std::size_t> pending{i};
    while (!pending.empty()) {
      const auto next = pending.back();
      pending.pop_back();
      reached[next] = true;
      pending.insert(pending.end(), tree.spans[next].children.begin(), tree.spans[next].children.end());
    }
  }
}

}  // namespace

std::vector<std::size_t> TraceTree::in_order() const {
  std::vector<std::size_t> order;
  std::vector<std::size_t> pending(roots.rbegin(), roots.rend());
  while (!pending.empty()) {
    const auto next = pending.back();
    pending.pop_back();
    order.push_back(next);
    pending.insert(pending.end(), spans[next].children.rbegin(), spans[next].children.rend());
  }
  return order;
}

TraceTree build_tree(const std::string& rows, const AttachmentSize& size_of) {
  TraceTree tree;
  auto parsed = json::parse(rows, nullptr, false);
  if (rows.find("_attachment\"") != std::string::npos) shorten_references(parsed, size_of);
  std::vector<std::pair<SpanNode, std::vector<std::string>>> found;
  std::unordered_map<std::string, std::vector<std::string>> comments;
  if (!parsed.is_array()) parsed = json::array();
  for (const auto& row : std::as_const(parsed)) {
    if (at(row, "comment").is_object() && !row.contains("span_id")) {
      comments[text_of(at(at(row, "origin"), "id"))].push_back(display(at(at(row, "comment"), "text")));
      continue;
    }
    std::vector<std::string> parents;
    if (const auto& ids = at(row, "span_parents"); ids.is_array()) {
      for (const auto& id : ids) parents.push_back(text_of(id));
    }
    found.emplace_back(node_of(row), std::move(parents));
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& one, const auto& other) {
    const auto key = [](const SpanNode& node) {
      return std::pair(node.start.value_or(std::numeric_limits<double>::infinity()), node.exec_counter);
    };
    return key(one.first) < key(other.first);
  });
  std::vector<std::vector<std::string>> parents;
  for (auto& [node, ids] : found) {
    node.comments = std::move(comments[node.row_id]);
    tree.spans.push_back(std::move(node));
    parents.push_back(std::move(ids));
  }
  link(tree, parents);
  cut_circles(tree);
  return tree;
}

TraceSummary summarize(const TraceTree& tree, std::string root_span_id) {
  TraceSummary summary;
  summary.root_span_id = std::move(root_span_id);
  summary.spans = tree.spans.size();
  std::optional<double> first;
  std::optional<double> last;
  for (const auto& span : tree.spans) {
    if (span.start) first = std::min(first.value_or(*span.start), *span.start);
    if (span.end) last = std::max(last.value_or(*span.end), *span.end);
    summary.errors += span.error.has_value();
    summary.open |= !span.end;
  }
  if (!tree.roots.empty()) {
    const auto& root = tree.spans[tree.roots.front()];
    summary.name = root.name;
    summary.input = detail::one_line(root.input, most_input_columns);
  }
  // Beyond these a time point cannot hold it; the value is nonsense then and reads as the epoch.
  const auto sane = [](std::optional<double> seconds) { return seconds && *seconds > -9e9 && *seconds < 9e9 ? *seconds : 0.0; };
  using std::chrono::duration_cast, std::chrono::microseconds, std::chrono::system_clock;
  summary.start = system_clock::time_point(duration_cast<system_clock::duration>(std::chrono::duration<double>(sane(first))));
  if (first && last && *last > *first) {
    summary.duration = std::chrono::round<microseconds>(std::chrono::duration<double>(sane(last) - sane(first)));
  }
  // A parent may repeat what its model calls used; then the larger of the two is the truth.
  auto order = tree.in_order();
  std::vector<std::uint64_t> totals(tree.spans.size());
  for (auto i = order.rbegin(); i != order.rend(); ++i) {
    std::uint64_t below = 0;
    for (const auto child : tree.spans[*i].children) below += totals[child];
    totals[*i] = std::max(below, tree.spans[*i].tokens);
  }
  for (const auto root : tree.roots) summary.tokens += totals[root];
  return summary;
}

}  // namespace braintrust::local
