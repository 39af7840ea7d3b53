#include "scripted_model.h"

#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "documents.h"

using nlohmann::json;

namespace {

// Markdown's running text, on one line: no tables, no marks.
std::string running_text(const std::string& markdown) {
  std::string text;
  std::istringstream in(markdown);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("|") || line.starts_with("    ")) continue;
    std::erase_if(line, [](char c) { return c == '*' || c == '`'; });
    const auto first = line.find_first_not_of("- ");
    if (first != std::string::npos) text += line.substr(first) + ' ';
  }
  return text;
}

struct Sentence {
  std::string text = {};
  std::string source = {};
  std::size_t shared = 0;  // words of the question
};

// The sentences of sections, "## source" and text each.
std::vector<Sentence> sentences_about(const std::string& question, const std::string& documentation) {
  const auto asked = words_of(question);
  const std::set<std::string> wanted(asked.begin(), asked.end());
  std::vector<Sentence> sentences;
  for (std::size_t at = documentation.find("\n## "); at != std::string::npos;) {
    const auto line_end = documentation.find('\n', at + 1);
    const auto next = documentation.find("\n## ", line_end);
    const auto source = documentation.substr(at + 4, line_end - at - 4);
    const auto text = running_text(documentation.substr(line_end, next - line_end));
    for (std::size_t begin = 0; (begin = text.find_first_not_of(' ', begin)) != std::string::npos;) {
      const auto end = std::min(text.find(". ", begin), text.size() - 1) + 1;
      Sentence sentence{.text = text.substr(begin, end - begin), .source = source};
      const auto words = words_of(sentence.text);
      for (const auto& word : std::set<std::string>(words.begin(), words.end())) sentence.shared += wanted.count(word);
      const bool again = std::any_of(sentences.begin(), sentences.end(), [&](auto& one) { return one.text == sentence.text; });
      if (sentence.text.ends_with('.') && !again) sentences.push_back(std::move(sentence));
      begin = end;
    }
    at = next;
  }
  return sentences;
}

// The best sentence, with the one behind it where that is about the question, too.
std::string quote(const std::string& documentation, const std::string& question) {
  const auto sentences = sentences_about(question, documentation);
  const auto best =
      std::max_element(sentences.begin(), sentences.end(), [](auto& one, auto& other) { return one.shared < other.shared; });
  if (best == sentences.end() || best->shared == 0) return "The documentation that I was given does not say.";
  const auto next = std::next(best);
  const bool more = next != sentences.end() && next->source == best->source && next->shared > 0;
  return best->text + (more ? " " + next->text : "") + " (" + best->source + ")";
}

json tool_call(const std::string& question) {
  std::smatch ticket;
  const bool has_ticket = std::regex_search(question, ticket, std::regex("[A-Z]+-[0-9]+"));
  const json arguments = has_ticket ? json{{"ticket", ticket.str()}} : json{{"query", question}};
  return {{"id", "call_1"},
          {"type", "function"},
          {"function", {{"name", has_ticket ? "get_ticket_status" : "search_docs"}, {"arguments", arguments.dump()}}}};
}

// What stands between <tag> and </tag>, each on its line.
std::string between(const std::string& text, const std::string& tag) {
  const auto begin = text.find("<" + tag + ">\n");
  const auto end = text.find("\n</" + tag + ">", begin);
  if (begin == std::string::npos || end == std::string::npos) return {};
  const auto first = begin + tag.size() + 3;
  return text.substr(first, end - first);
}

// The verdict of a judge that was shown an expert's answer: how many of its words are in the other one.
json verdict_on(const std::string& prompt) {
  const auto expert = words_of(between(prompt, "expert_answer")), answer = words_of(between(prompt, "answer"));
  const std::set<std::string> wanted(expert.begin(), expert.end()), given(answer.begin(), answer.end());
  const auto found = std::count_if(wanted.begin(), wanted.end(), [&](const auto& word) { return given.contains(word); });
  const auto most = static_cast<long>(wanted.size());
  const json arguments = {
      {"reasons", "Of the expert's " + std::to_string(most) + " words the answer has " + std::to_string(found) + "."},
      {"choice", 5 * found >= 4 * most ? "C"
                 : 2 * found >= most   ? "A"
                                       : "D"}};
  const json call = {
      {"id", "call_1"}, {"type", "function"}, {"function", {{"name", "select_choice"}, {"arguments", arguments.dump()}}}};
  const json message = {{"role", "assistant"}, {"content", nullptr}, {"tool_calls", json::array({call})}};
  return {{"index", 0}, {"message", message}, {"finish_reason", "tool_calls"}};
}

// The answer to a conversation.
json choice_for(const json& messages, const std::string& model) {
  std::string documentation, question, ticket;
  bool tool_was_called = false;
  for (const auto& message : messages) {
    const auto role = message.value("role", "");
    if (role == "system") documentation = message.value("content", "");
    if (role == "user") question = message.value("content", "");
    if (role != "tool") continue;
    tool_was_called = true;
    const json result = json::parse(message.value("content", ""), nullptr, false);
    if (result.is_object() && result.contains("status")) {
      ticket = "Ticket " + result.value("ticket", "") + " is " + result.value("status", "") + ". ";
    } else if (result.is_array()) {
      for (const auto& hit : result) documentation += "\n## " + hit.value("source", "") + "\n" + hit.value("text", "");
    }
  }
  json message = {{"role", "assistant"}, {"content", nullptr}, {"refusal", nullptr}};
  if (!tool_was_called) {
    message["tool_calls"] = json::array({tool_call(question)});
  } else {
    const bool makes_up = model == "scripted-1" && question.find("invoice") != std::string::npos;
    message["content"] =
        makes_up ? "Ask Brenda in room 12; she prints invoices on Mondays." : ticket + quote(documentation, question);
  }
  return {{"index", 0}, {"message", message}, {"finish_reason", tool_was_called ? "stop" : "tool_calls"}};
}

bool sounds_violent(const json& messages) {
  return std::any_of(messages.begin(), messages.end(), [](const json& message) {
    return message.value("role", "") == "user" &&
           message.value("content", json()).dump().find("child process") != std::string::npos;
  });
}

// Judges demand the call of this function.
bool is_judged(const json& request) {
  const json choice = request.value("tool_choice", json());
  return choice.is_object() && choice.value("/function/name"_json_pointer, "") == "select_choice";
}

}  // namespace

struct ScriptedModel::State {
  void answer(const httplib::Request& request, httplib::Response& response) {
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
    const json body = json::parse(request.body, nullptr, false);
    json result;
    const int number = requests++;
    if (number == 0) {
      response.status = 429;
      result = {{"error",
                 {{"message", "Rate limit reached for " + model_of(body) + ". Please try again."},
                  {"type", "requests"},
                  {"param", nullptr},
                  {"code", "rate_limit_exceeded"}}}};
    } else if (!body.is_object() || !body.contains("messages")) {
      response.status = 400;
      result = {{"error", {{"message", "messages are missing"}, {"type", "invalid_request_error"}}}};
    } else if (model_of(body) == "scripted-1" && sounds_violent(body["messages"])) {
      response.status = 400;
      result = {{"error",
                 {{"message", "The prompt was filtered: violence."},
                  {"type", "invalid_request_error"},
                  {"param", "prompt"},
                  {"code", "content_filter"}}}};
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(160));  // thinks
      const json choice = is_judged(body) ? verdict_on(body["messages"].back().value("content", ""))
                                          : choice_for(body["messages"], model_of(body));
      const auto prompt = request.body.size() / 4, completion = choice.dump().size() / 4;  // about four bytes a token
      result = {
          {"id", "chatcmpl-" + std::to_string(number)},
          {"object", "chat.completion"},
          {"created", std::time(nullptr)},
          {"model", model_of(body)},
          {"choices", json::array({choice})},
          {"usage", {{"prompt_tokens", prompt}, {"completion_tokens", completion}, {"total_tokens", prompt + completion}}}};
    }
    response.set_content(result.dump(-1, ' ', false, json::error_handler_t::replace), "application/json");
  }

  static std::string model_of(const json& body) { return body.is_object() ? body.value("model", "") : std::string(); }

  httplib::Server server = {};
  int port = 0;
  std::atomic<int> requests = 0;
  std::thread thread = {};
};

ScriptedModel::ScriptedModel() : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.server.new_task_queue = [] { return new httplib::ThreadPool(8); };
  state.server.set_keep_alive_max_count(1);  // a connection that is kept would delay the end of the server by seconds
  state.server.Post("/v1/chat/completions", [&state](const auto& request, auto& response) { state.answer(request, response); });
  state.port = state.server.bind_to_any_port("127.0.0.1");
  if (state.port <= 0) throw std::runtime_error("the scripted model finds no free port on 127.0.0.1");
  state.thread = std::thread([&state] { state.server.listen_after_bind(); });
  while (!state.server.is_running()) std::this_thread::yield();
}

ScriptedModel::~ScriptedModel() {
  state_->server.stop();
  state_->thread.join();
}

std::string ScriptedModel::url() const { return "http://127.0.0.1:" + std::to_string(state_->port) + "/v1"; }
