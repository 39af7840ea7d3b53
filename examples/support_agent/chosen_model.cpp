#include "chosen_model.h"

#include <cstdlib>

namespace {

std::string environment(const char* name, const std::string& otherwise = "") {
  const char* const value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

}  // namespace

ChosenModel choose_model(const std::string& scripted_name) {
  ChosenModel chosen{.model = {.url = environment("OPENAI_BASE_URL"), .key = environment("OPENAI_API_KEY")}};
  auto& model = chosen.model;
  if (model.url.empty() && model.key.empty()) {
    chosen.server = std::make_unique<ScriptedModel>();
    model = {.url = chosen.server->url(), .name = scripted_name};
    return chosen;
  }
  if (model.url.empty()) model.url = "https://api.openai.com/v1";
  if (model.url.ends_with('/')) model.url.pop_back();
  model.name = environment("OPENAI_MODEL", "gpt-4o-mini");
  return chosen;
}
