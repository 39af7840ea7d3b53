#pragma once

// A model behind the chat completions API: OpenAI's, or any server that speaks it.

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

struct Model {
  std::string url = {};   // "https://api.openai.com/v1"
  std::string key = {};   // may be blank for a server of your own
  std::string name = {};  // "gpt-4o-mini"
};

struct Tokens {
  std::int64_t prompt = 0;
  std::int64_t completion = 0;
};

// Sends the conversation and returns the model's message, which may ask for tools. Tries again, a few times, where that may
// help; each try is a span. Adds what it used to `used`. Throws std::runtime_error when the model cannot be had.
nlohmann::json complete(const Model& model, const nlohmann::json& messages, const nlohmann::json& tools, Tokens& used);
