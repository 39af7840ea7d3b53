// A small support agent, as a program of several files: it looks into Markdown documents, asks a model, runs the tool the model
// asks for, and answers. Each step is a span (agent.cpp, chat_model.cpp, tools.cpp). Runs offline when no key is set.

#include <braintrust/braintrust.h>

#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "../support/offline.h"
#include "agent.h"
#include "chosen_model.h"

namespace {

constexpr const char* usage =
    R"(Answers a question from Markdown documents, with a model and two tools, and traces each step.

usage: support_agent [--docs PATH]... [QUESTION]

  --docs PATH   a Markdown file, or a folder of them; may be given again. Default: the documentation of this project
  --help        this text

The model: with OPENAI_API_KEY or OPENAI_BASE_URL set, that one (OPENAI_MODEL names it; default gpt-4o-mini). Otherwise a
scripted one on this machine, which is busy at first, asks for a tool and then quotes the documentation.
The trace: with BRAINTRUST_API_KEY set, or under `braintrust-local run`, it goes there. Otherwise it is printed.
)";

constexpr const char* default_question = "Ticket BT-7: which spans are lost when my process is killed?";

struct Arguments {
  std::vector<std::string> documents = {};
  std::string question = default_question;
  bool help = false;
};

Arguments read(int count, char** values) {
  Arguments arguments;
  bool asked = false;
  for (int i = 1; i < count; ++i) {
    const std::string value = values[i];
    if (value == "--help" || value == "-h") {
      arguments.help = true;
    } else if (value == "--docs") {
      if (++i == count) throw std::invalid_argument("--docs needs a path");
      arguments.documents.push_back(values[i]);
    } else if (value.starts_with("-") || value.empty() || asked) {
      throw std::invalid_argument(value.starts_with("-") ? "no such option: " + value
                                                         : "one question, please: put it in quotes");
    } else {
      arguments.question = value;
      asked = true;
    }
  }
  if (arguments.documents.empty()) arguments.documents = {SUPPORT_AGENT_SOURCE "/README.md", SUPPORT_AGENT_SOURCE "/docs"};
  return arguments;
}

int run(const Arguments& arguments) {
  Documents documents;
  for (const auto& path : arguments.documents) documents.add(path);

  const ChosenModel chosen = choose_model("scripted-1");
  const Model& model = chosen.model;
  // [auto instrument]
  // From here on the model calls that this process makes through libcurl are spans. OpenAI's own host is known anyway.
  braintrust::auto_instrument({.endpoints = "openai=" + model.url});
  // [auto instrument end]
  std::cout << "model      " << model.name << " at " << model.url << "\ndocuments  " << documents.sections()
            << " sections\n\nQ  " << arguments.question << std::endl;
  const std::string answer = answer_question(arguments.question, documents, model);
  std::cout << "A  " << answer << std::endl;
  return 0;
}

}  // namespace

int main(int count, char** values) {
  Arguments arguments;
  try {
    arguments = read(count, values);
  } catch (const std::invalid_argument& error) {
    std::cerr << "support_agent: " << error.what() << " (see --help)\n";
    return 2;
  }
  if (arguments.help) {
    std::cout << usage;
    return 0;
  }

  examples::Offline offline;  // no key: traces stay on this machine and are printed at the end
  auto logger = braintrust::init_logger({.project = "Support Agent (C++)"});
  try {
    return run(arguments);
  } catch (const std::exception& error) {
    std::cerr << "support_agent: " << error.what() << '\n';
    return 1;
  }
}
