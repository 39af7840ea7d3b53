#pragma once

// A model server without a model, for running offline: speaks the chat completions API on this machine, and follows a script.
// It is busy at the first request. Then it asks for a tool, and answers in the words of the documentation it was given.
//
// "scripted-1" has two weaknesses: it refuses whatever sounds violent to it (a child process that is to be ended), and it makes
// up what it does not find (invoices). "scripted-2" has neither. Asked by the judge Factuality for its verdict, either compares
// words.

#include <memory>
#include <string>

class ScriptedModel {
 public:
  ScriptedModel();   // starts; throws std::runtime_error
  ~ScriptedModel();  // stops
  ScriptedModel(const ScriptedModel&) = delete;
  ScriptedModel& operator=(const ScriptedModel&) = delete;

  std::string url() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};
