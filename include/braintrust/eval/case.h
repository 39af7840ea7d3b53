#pragma once

// Where an eval's cases come from: `EvalCase`, and `EvalData`, which hands them out one by one.
//
//   .data = {{.input = "Foo", .expected = "Hi Foo"}, {.input = "Bar", .expected = "Hello Bar"}}
//   .data = braintrust::init_dataset({.project = "My App", .name = "Customer Support"})
//   .data = braintrust::jsonl_file("cases.jsonl")
//   .data = [] { return load_my_cases(); }              // called when the eval begins
//   .data = braintrust::base_experiment("last week")    // its cases; its outputs are expected where nothing else is
//
// Cases are taken when there is room for them, so a source may be larger than memory.
//
// Threads: a source is read by one thread at a time. Errors: a source that fails ends the eval's data and is the eval's error;
// what ran before is kept. What a function of yours throws is such a failure.
//
// Cost: includes the whole of nlohmann/json.hpp.

#include <algorithm>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/api/dataset.h>
#include <braintrust/core/result.h>

namespace braintrust {

namespace detail {
// What a case expects, or nothing: of JSON that is null, so that braces mean the same here as for the input.
template <class Expected>
using ExpectedOf = std::conditional_t<std::is_same_v<Expected, nlohmann::json>, nlohmann::json, std::optional<Expected>>;
}  // namespace detail

// One case. `Input` and `Expected` are JSON, or types of yours with `to_json` and `from_json` of nlohmann/json.
// The order is part of the interface: fields are only ever appended.
template <class Input = nlohmann::json, class Expected = nlohmann::json>
struct EvalCaseOf {
  Input input{};                            // not `= {}`: GCC 12 fails at that, for types of yours
  detail::ExpectedOf<Expected> expected{};  // null: nothing
  nlohmann::json metadata = nullptr;
  std::vector<std::string> tags = {};
  std::string id = {};              // of the record it comes from
  nlohmann::json origin = nullptr;  // the row it comes from: {object_type, object_id, id, _xact_id, created}
  unsigned trial_count = 0;         // how often it runs. 0: as the eval says
};
using EvalCase = EvalCaseOf<>;

namespace detail {

template <class T>
nlohmann::json as_json(T&& value) {
  if constexpr (std::same_as<std::remove_cvref_t<T>, nlohmann::json>) {
    return std::forward<T>(value);
  } else {
    nlohmann::json result;
    result = std::forward<T>(value);
    return result;
  }
}

template <class Input, class Expected>
EvalCase plain_case(EvalCaseOf<Input, Expected> typed) {
  if constexpr (std::same_as<EvalCaseOf<Input, Expected>, EvalCase>) {
    return typed;
  } else {
    EvalCase plain{.input = as_json(std::move(typed.input)),
                   .metadata = std::move(typed.metadata),
                   .tags = std::move(typed.tags),
                   .id = std::move(typed.id),
                   .origin = std::move(typed.origin),
                   .trial_count = typed.trial_count};
    if constexpr (std::same_as<Expected, nlohmann::json>) {
      plain.expected = std::move(typed.expected);
    } else {
      if (typed.expected) plain.expected = as_json(*std::move(typed.expected));
    }
    return plain;
  }
}

// The value of a `Result`; its error is thrown, and becomes that of the task, the scorer or the data.
template <class T>
T value_or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<Result<T>> = true;

template <class T>
inline constexpr bool is_case = false;
template <class Input, class Expected>
inline constexpr bool is_case<EvalCaseOf<Input, Expected>> = true;

template <class T>
concept CaseRange = std::ranges::input_range<T> && is_case<std::remove_cvref_t<std::ranges::range_reference_t<T>>>;
// std::optional of a case, or a pointer to one.
template <class T>
concept CaseOrNone = !is_result<std::remove_cvref_t<T>> && requires(T result) {
  requires is_case<std::remove_cvref_t<decltype(*result)>>;
  {static_cast<bool>(result)};
};
// What a `Result` holds; anything else is that itself.
template <class T>
struct ResultValue {
  using type = T;
};
template <class T>
struct ResultValue<Result<T>> {
  using type = T;
};
template <class T>
concept CaseGenerator =
    std::invocable<T&> && CaseOrNone<typename ResultValue<std::remove_cvref_t<std::invoke_result_t<T&>>>::type>;
template <class T>
concept CaseLoader = std::invocable<T&> && CaseRange<std::invoke_result_t<T&>>;

}  // namespace detail

// What a source may want to know of the eval that opens it.
struct EvalDataContext {
  std::string project = {};
  std::string project_id = {};
  std::string base_experiment_id = {};  // blank: none
  ConnectionOptions connection = {};
  std::string dataset_version = {};  // of the source that is a dataset: the one to read. Blank: that of this moment
};

// The cases of an eval, as JSON.
class EvalData {
 public:
  // Gives the next case; nothing at the end.
  using Next = std::function<Result<std::optional<EvalCase>>()>;
  // Opens the source: once for each eval that runs.
  using Open = std::function<Result<Next>(const EvalDataContext& context)>;

  EvalData() = default;  // no cases: an error
  explicit EvalData(Open open) : open_(std::move(open)) {}
  EvalData(Dataset dataset);

  // A vector, or anything else that can be gone through.
  template <detail::CaseRange Cases>
  EvalData(Cases cases) : EvalData(of_range(std::make_shared<Cases>(std::move(cases)))) {}
  // A function that makes such a range.
  template <detail::CaseLoader Load>
  EvalData(Load load)
      : EvalData(Open([load = std::move(load)](const EvalDataContext& context) mutable {
          using Cases = std::remove_cvref_t<std::invoke_result_t<Load&>>;
          return of_range(std::make_shared<Cases>(load())).open(context);
        })) {}
  // A function that gives a case each time, as std::optional, or as `Result` of one; none at the end.
  template <detail::CaseGenerator Generate>
  EvalData(Generate generate)
      : EvalData(Open([generate = std::move(generate)](const EvalDataContext&) -> Result<Next> {
          return Next([generate]() mutable -> Result<std::optional<EvalCase>> {
            auto next = [&] {
              if constexpr (detail::is_result<std::invoke_result_t<Generate&>>) {
                return detail::value_or_throw(generate());
              } else {
                return generate();
              }
            }();
            if (!next) return std::optional<EvalCase>();
            return std::optional<EvalCase>(detail::plain_case(*std::move(next)));
          });
        })) {}

  explicit operator bool() const noexcept { return open_ != nullptr; }

  // May throw what functions of the user throw, as may the `Next`.
  Result<Next> open(const EvalDataContext& context) const { return open_(context); }

  // The same, but only those cases that `wanted` lets through. How many these are is not known.
  EvalData only(std::function<bool(const EvalCase&)> wanted) const;

  // The dataset, where it is one: its id and version are told with the experiment.
  const std::optional<Dataset>& dataset() const noexcept { return dataset_; }
  // How many cases there are, where that is known and each runs as often as the eval says.
  std::optional<std::size_t> size() const noexcept { return size_; }

 protected:
  template <class Cases>
  static EvalData of_range(std::shared_ptr<Cases> cases) {
    EvalData data(Open([cases](const EvalDataContext&) -> Result<Next> {
      return Next([cases, at = std::optional<std::ranges::iterator_t<Cases>>()]() mutable -> Result<std::optional<EvalCase>> {
        if (!at) at = std::ranges::begin(*cases);
        if (*at == std::ranges::end(*cases)) return std::optional<EvalCase>();
        std::optional<EvalCase> next(detail::plain_case(**at));
        ++*at;
        return next;
      });
    }));
    if constexpr (std::ranges::sized_range<Cases> && std::ranges::forward_range<Cases>) {
      const auto usual = [](const auto& one) { return one.trial_count == 0; };
      if (std::ranges::all_of(*cases, usual)) data.size_ = std::ranges::size(*cases);
    }
    return data;
  }

 private:
  Open open_ = {};
  std::optional<Dataset> dataset_ = {};
  std::optional<std::size_t> size_ = {};
};

// The same, and cases of an eval's own types in braces.
template <class Input, class Expected>
class EvalDataOf : public EvalData {
 public:
  EvalDataOf() = default;
  EvalDataOf(std::initializer_list<EvalCaseOf<Input, Expected>> cases)
      : EvalData(std::vector<EvalCaseOf<Input, Expected>>(cases)) {}
  EvalDataOf(EvalData data) : EvalData(std::move(data)) {}
  template <class Source>
  requires(std::constructible_from<EvalData, Source> && !std::derived_from<std::remove_cvref_t<Source>, EvalData>)
      EvalDataOf(Source source)
      : EvalData(std::move(source)) {}
  // For the words of the compiler.
  template <class Source>
  requires(!std::constructible_from<EvalData, Source> && !std::derived_from<std::remove_cvref_t<Source>, EvalData>)
      EvalDataOf(Source) {
    static_assert(
        std::constructible_from<EvalData, Source>,
        "an eval's data are cases (`EvalCase`) in braces, a range of them, a function that returns either, a Dataset, "
        "jsonl_file(...), csv_file(...) or base_experiment(...)");
  }
};

// A file with an object on each line: {"input": …, "expected": …, "metadata": …, "tags": […], "id": …, "trial_count": …}; all
// but the input may be absent. Blank lines are left out. A line that is none of this, or longer than 16 MiB, ends the data: the
// error names it.
EvalData jsonl_file(std::string path);

// A file of comma-separated values (RFC 4180) whose first line names the columns: input, expected, metadata (JSON), tags
// (separated by commas), id. A column "input.question" becomes a member of the input, and so for expected and metadata; any
// other column one of the metadata. Values are texts; an empty one is nothing expected. Blank lines are left out. A case that
// is none of this, or longer than 16 MiB, ends the data: the error names its line.
EvalData csv_file(std::string path);

// The cases of an earlier experiment of the eval's project. Blank: the one that the new experiment is compared with. What a
// case was expected to give, else what it gave, is expected.
EvalData base_experiment(std::string name = {});

}  // namespace braintrust
