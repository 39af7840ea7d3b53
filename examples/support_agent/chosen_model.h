#pragma once

// The model that the environment names, or the scripted one on this machine.

#include <memory>

#include "chat_model.h"
#include "scripted_model.h"

struct ChosenModel {
  Model model = {};
  std::unique_ptr<ScriptedModel> server = {};  // of the scripted one; null: another
};

// With OPENAI_API_KEY or OPENAI_BASE_URL set, that one; OPENAI_MODEL names it, default gpt-4o-mini. Else the scripted one of
// this name, on a server that lives as long as the result. Throws std::runtime_error.
ChosenModel choose_model(const std::string& scripted_name);
