#pragma once

// `Scorer` and `Classifier`: what grades and sorts the outputs of an eval.
//
//   .scores = {braintrust::scorers::levenshtein,                       // named after itself: "Levenshtein"
//              {"short", [](const ScorerArgs& args) { return args.output.get<std::string>().size() < 200; }},
//              polite}                                                  // a function that returns a Score, with its name
//
// A scorer is called with `ScorerArgs` (score.h) or, in an eval with types of its own, with `ScorerArgsOf<Input, Output>`. It
// returns a number or a bool, a `Score`, several of them in a vector, or std::optional or `Result` of any of these: nothing
// means that there is no grade, and nothing is logged; the error of a `Result` is the scorer's. In JSON, a score is a number,
// true, false, or {"score", "name", "metadata"}. A score is from 0 to 1; another one is the scorer's error.
//
// A function has no name that a library could find out. Scores that do not name themselves are named after the scorer; a scorer
// without a name is `scorer_0`, by its place in the list. A ready-made scorer takes the name that it is given beside it:
// {"Polite", ClosedQA{.criteria = "polite"}}.
//
// Threads: scorers of several cases run at the same time. Errors: what a scorer throws is recorded for it, and others go on.
//
// Cost: includes the whole of nlohmann/json.hpp.

#include <concepts>
#include <functional>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/eval/case.h>
#include <braintrust/eval/score.h>

namespace braintrust {

// A case and the task's answer, in an eval's own types. A view, like `ScorerArgs`.
template <class Input, class Output>
struct ScorerArgsOf {
  const Input& input;
  const Output& output;
  const Output* expected = nullptr;  // null: the case has none
  const nlohmann::json& metadata = detail::absent();
};

// A label that was found for an output.
struct Classification {
  std::string name = {};   // of the question. Blank: the classifier's
  std::string id = {};     // of the answer; not blank
  std::string label = {};  // the answer for people. Blank: the id
  nlohmann::json metadata = nullptr;
};

namespace detail {

template <class T>
concept SelfNamed = requires(const T& scorer) {
  { scorer.name } -> std::convertible_to<std::string_view>;
};

// The name of its type, or its own as an `LlmClassifier` has one.
template <class T>
std::string own_name(const T& scorer) {
  if constexpr (SelfNamed<T>) {
    return std::string(std::string_view(scorer.name));
  } else {
    return {};
  }
}

template <class T>
concept OptionalResult = requires(T result) {
  {*result};
  { result.has_value() } -> std::convertible_to<bool>;
};

// What a scorer took out of its arguments as it is, or what a function at Braintrust answered (PROTO 14.6).
void append_json(std::vector<Score>& out, const nlohmann::json& result);

// Whether `append_results` knows what to make of it.
template <class Item, class T>
consteval bool is_grade() {
  using Plain = std::remove_cvref_t<T>;
  if constexpr (std::same_as<Plain, Item> || std::same_as<Plain, std::nullopt_t> || std::same_as<Plain, std::nullptr_t>) {
    return true;
  } else if constexpr (std::is_arithmetic_v<Plain> || std::same_as<Plain, nlohmann::json>) {
    return std::same_as<Item, Score>;
  } else if constexpr (is_result<Plain>) {
    return is_grade<Item, typename ResultValue<Plain>::type>();
  } else if constexpr (OptionalResult<Plain>) {
    return is_grade<Item, decltype(*std::declval<Plain&>())>();
  } else if constexpr (std::ranges::range<Plain> && !std::convertible_to<Plain, std::string_view>) {
    return is_grade<Item, std::ranges::range_reference_t<Plain>>();
  } else {
    return false;
  }
}

template <class Item, class T>
void append_results(std::vector<Item>& out, T&& result) {
  using Plain = std::remove_cvref_t<T>;
  if constexpr (std::same_as<Plain, Item>) {
    out.push_back(std::forward<T>(result));
  } else if constexpr (std::same_as<Item, Score> && std::is_arithmetic_v<Plain>) {
    out.push_back(Score{.score = static_cast<double>(result)});
  } else if constexpr (std::same_as<Plain, std::nullopt_t> || std::same_as<Plain, std::nullptr_t>) {
  } else if constexpr (is_result<Plain>) {
    append_results(out, value_or_throw(std::forward<T>(result)));
  } else if constexpr (std::same_as<Plain, nlohmann::json>) {
    append_json(out, result);
  } else if constexpr (OptionalResult<Plain>) {
    if (result.has_value()) append_results(out, *std::forward<T>(result));
  } else {
    for (auto& one : result) append_results(out, std::move(one));
  }
}

// Something that is called with a case and its output and returns some `Item`s.
template <class Item>
class Grader {
 public:
  using Function = std::function<std::vector<Item>(const ScorerArgs&)>;

  Grader(std::string given_name, Function function) : name_(std::move(given_name)), function_(std::move(function)) {}

  const std::string& name() const noexcept { return name_; }
  std::vector<Item> operator()(const ScorerArgs& args) const { return function_(args); }

 private:
  std::string name_;
  Function function_;
};

template <class Item, class F>
typename Grader<Item>::Function plain_grader(F function) {
  return [function = std::move(function)](const ScorerArgs& args) {
    std::vector<Item> results;
    append_results(results, std::invoke(function, args));
    return results;
  };
}

// What goes by the function's own name goes by the name that stands beside it: so that two of one kind can be told apart.
template <class Item>
typename Grader<Item>::Function under_given_name(std::string own_name, typename Grader<Item>::Function function) {
  if (own_name.empty()) return function;
  return [own_name = std::move(own_name), function = std::move(function)](const ScorerArgs& args) {
    auto results = function(args);
    for (Item& result : results) {
      if (result.name == own_name) result.name.clear();
    }
    return results;
  };
}

template <class Item, class Input, class Output, class F>
typename Grader<Item>::Function typed_grader(F function) {
  return [function = std::move(function)](const ScorerArgs& args) {
    const auto input = args.input.template get<Input>();
    const auto output = args.output.template get<Output>();
    std::optional<Output> expected;
    if (!args.expected.is_null()) expected = args.expected.template get<Output>();
    std::vector<Item> results;
    append_results(results, std::invoke(function, ScorerArgsOf<Input, Output>{.input = input,
                                                                              .output = output,
                                                                              .expected = expected ? &*expected : nullptr,
                                                                              .metadata = args.metadata}));
    return results;
  };
}

// What can be called, with whatever it may be. Not a list of scorers, nor an iterator of one.
template <class F>
concept IsFunction = std::is_function_v<std::remove_pointer_t<F>> || requires {
  &F::operator();
};

// The same for an eval with types of its own.
template <class Item, class Input, class Output>
class GraderOf : public Grader<Item> {
 public:
  template <class F>
  static constexpr bool takes_json = std::invocable<const F&, const ScorerArgs&>;
  template <class F>
  static constexpr bool takes_types = std::invocable<const F&, const ScorerArgsOf<Input, Output>&>;

  template <class F>
  requires((takes_json<F> || takes_types<F>)&&!std::derived_from<F, Grader<Item>>) GraderOf(F function)
      : GraderOf{own_name(function), std::move(function)} {}  // braces: the name is read before the function moves
  template <class F>
  requires(takes_json<F> || takes_types<F>) GraderOf(std::string name, F function)
      : Grader<Item>(std::move(name), under_given_name<Item>(own_name(function), made_of(function))) {}
  // For the words of the compiler.
  template <class F>
  requires(!takes_json<F> && !takes_types<F> && IsFunction<F>) GraderOf(F function) : GraderOf({}, std::move(function)) {}
  template <class F>
  requires(!takes_json<F> && !takes_types<F> && IsFunction<F>) GraderOf(std::string name, F)
      : Grader<Item>(std::move(name), nullptr) {
    static_assert(takes_json<F> || takes_types<F>,
                  "a scorer or classifier is called with one thing: [](const braintrust::ScorerArgs& args) { ... }, or in "
                  "Eval<Input, Output> [](const braintrust::ScorerArgsOf<Input, Output>& args) { ... }");
  }

 private:
  template <class F>
  static typename Grader<Item>::Function made_of(F function) {
    using Args = std::conditional_t<takes_json<F>, ScorerArgs, ScorerArgsOf<Input, Output>>;
    constexpr bool grades = is_grade<Item, std::invoke_result_t<const F&, const Args&>>();
    static_assert(grades || !std::same_as<Item, Score>,
                  "a scorer returns a number or a bool, a `Score`, several of them, or std::optional or `Result` of these");
    static_assert(grades || !std::same_as<Item, Classification>,
                  "a classifier returns a `Classification`, several of them, or std::optional or `Result` of these");
    if constexpr (!grades) {
      return nullptr;
    } else if constexpr (takes_json<F>) {
      return plain_grader<Item>(std::move(function));
    } else {
      return typed_grader<Item, Input, Output>(std::move(function));
    }
  }
};

}  // namespace detail

template <class Input = nlohmann::json, class Output = nlohmann::json>
using ScorerOf = detail::GraderOf<Score, Input, Output>;
using Scorer = ScorerOf<>;

// As a scorer, but it returns a `Classification`, several, or nothing.
template <class Input = nlohmann::json, class Output = nlohmann::json>
using ClassifierOf = detail::GraderOf<Classification, Input, Output>;
using Classifier = ClassifierOf<>;

}  // namespace braintrust
