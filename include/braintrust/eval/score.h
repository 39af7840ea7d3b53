#pragma once

// `Score`: the grade of one answer, and `ScorerArgs`: what a scorer is shown to find it.
//
//   braintrust::Score polite(const braintrust::ScorerArgs& args) {
//     const auto& text = args.output.get_ref<const std::string&>();
//     return {.name = "Polite", .score = text.find("please") != text.npos ? 1 : 0, .metadata = {{"length", text.size()}}};
//   }
//
// A scorer is anything that can be called so: a function, a lambda, an object; those of braintrust::scorers (scorers.h) are
// ready-made. What it throws is its error: the eval records it on that scorer's span and goes on with the others.
//
// Threads: plain values. Units: a score is 0 (worst) to 1 (best). Source: PROTO 14.6.
//
// Cost: includes the whole of nlohmann/json.hpp, because a `Score` holds a value and scorers look into what they are given.

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace braintrust {

namespace detail {
const nlohmann::json& absent() noexcept;  // null; never destroyed
}

struct Score {
  std::string name = {};
  std::optional<double> score = {};   // none: no grade could be given; it is left out of averages
  nlohmann::json metadata = nullptr;  // an object with whatever explains the score, or null
};

// One case and the task's answer to it. A view: it refers to the values, which must outlive it. Values that are written in
// its braces do. What a case does not have is null.
struct ScorerArgs {
  const nlohmann::json& input = detail::absent();
  const nlohmann::json& output = detail::absent();
  const nlohmann::json& expected = detail::absent();
  const nlohmann::json& metadata = detail::absent();
};

}  // namespace braintrust
