#pragma once
#include <braintrust/eval/experiment.h>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>
namespace braintrust::detail {
struct GitState {
  nlohmann::json repo_info = nullptr;
  std::vector<std::string> ancestor_commits = {};
};
inline GitOptions merged(const GitOptions& user, std::string_view) { return user; }
inline GitState git_state(const GitOptions&, const std::string&) { return {}; }
}  // namespace braintrust::detail
