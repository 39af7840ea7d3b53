#pragma once

// A model server without a model, for running offline: speaks the chat completions API on this machine, and follows a script.
// It is busy at the first request, asks for a tool at the second, and then answers in the words of the documentation it was
// given.

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
