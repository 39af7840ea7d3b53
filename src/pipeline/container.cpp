#include "pipeline/container.h"

#include "core/environment.h"

namespace braintrust::pipeline {
namespace {

struct KindName {
  Container::Kind kind;
  std::string_view name;
};
constexpr KindName kinds[] = {{Container::project_id, "project_id:"},
                              {Container::project_name, "project_name:"},
                              {Container::experiment_id, "experiment_id:"}};

}  // namespace

std::optional<Container> read_container(std::string_view text) noexcept {
  for (const auto& [kind, name] : kinds) {
    if (!text.starts_with(name)) continue;
    text.remove_prefix(name.size());
    if (detail::is_blank(text)) return std::nullopt;
    return Container{kind, text};
  }
  return std::nullopt;
}

std::string write_container(const Container& container) {
  for (const auto& [kind, name] : kinds) {
    if (kind == container.kind) return std::string(name).append(container.value);
  }
  return {};
}

std::string container_of(const Settings& settings) {
  if (!detail::is_blank(settings.project_id)) return write_container({Container::project_id, settings.project_id});
  if (!detail::is_blank(settings.project)) return write_container({Container::project_name, settings.project});
  return {};
}

std::string container_of(const Destination& destination, const Settings& settings) {
  const std::string* const id = destination.id();
  switch (destination.type) {
    case ObjectType::experiment:
      return id != nullptr ? write_container({Container::experiment_id, *id}) : std::string();
    case ObjectType::project_logs:
      if (id != nullptr) return write_container({Container::project_id, *id});
      if (destination.name.empty()) return container_of(settings);
      return write_container({Container::project_name, destination.name});
    case ObjectType::playground_logs:
    case ObjectType::dataset:
      break;
  }
  return {};
}

}  // namespace braintrust::pipeline
