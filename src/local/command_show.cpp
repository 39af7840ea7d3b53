#include <filesystem>

#include <braintrust/local/draw.h>
#include <braintrust/local/store.h>
#include <fmt/format.h>

#include "core/quantity_text.h"
#include "local/commands.h"
#include "local/comparison.h"
#include "local/default_database.h"
#include "local/experiment_print.h"
#include "local/tree_print.h"

namespace braintrust::local {
namespace {

int show_list(const Store& store, std::size_t limit) {
  const auto traces = store.traces(limit);
  if (!traces) return complain(traces.error());
  if (traces->empty()) {
    fmt::print("No traces yet. Log some with: braintrust-local run -- PROGRAM\n");
    return 0;
  }
  fmt::print("{}", print_list(*traces, detail::style_of(stdout)));
  const auto count = store.trace_count();
  if (count && *count > traces->size())
    fmt::print("{} not shown (--limit 0 shows all)\n",
               detail::counted(*count - traces->size(), "older trace is", "older traces are"));
  return 0;
}

int show_experiments(const Store& store, std::size_t limit) {
  const auto experiments = store.experiments(limit);
  if (!experiments) return complain(experiments.error());
  if (experiments->empty()) {
    fmt::print("No experiments yet. Run an evaluation with: braintrust-local run -- PROGRAM\n");
    return 0;
  }
  fmt::print("{}", print_experiments(*experiments, detail::style_of(stdout)));
  return 0;
}

int show_datasets(const Store& store, std::size_t limit) {
  const auto datasets = store.datasets(limit);
  if (!datasets) return complain(datasets.error());
  if (datasets->empty()) {
    fmt::print("No datasets yet.\n");
    return 0;
  }
  fmt::print("{}", print_datasets(*datasets, detail::style_of(stdout)));
  return 0;
}

int show_experiment(const Store& store, const ShowArguments& arguments) {
  ExperimentEntry entry, base;
  const auto found = store.state().locked([&](Store::State& state) {
    entry = entry_called(state, arguments.experiment);
    // Without one of its own it is shown by itself.
    if (!arguments.base.empty()) base = entry_called(state, arguments.base);
    if (arguments.base.empty() && !entry.base_id.empty()) base = entry_called(state, entry.base_id);
  });
  if (!found) return complain(found.error());
  const auto cases = read_cases(store.state(), entry.id);
  if (!cases) return complain(cases.error());
  const auto before = base.id.empty() ? Result<std::vector<Case>>(std::vector<Case>()) : read_cases(store.state(), base.id);
  if (!before) return complain(before.error());
  fmt::print("{}", print_comparison(summary_of(entry, *cases), base.id.empty() ? std::nullopt : std::optional(base.name),
                                    compare(*cases, *before), arguments.limit, detail::style_of(stdout)));
  return 0;
}

}  // namespace

int show(const ShowArguments& arguments) {
  const auto database = arguments.database.empty() ? default_database() : Result<std::string>(arguments.database);
  if (!database) return complain(database.error());
  if (std::error_code error; !std::filesystem::exists(*database, error)) {
    return complain({ErrorCode::not_found, fmt::format("there is no database {} yet; serve and run make it", *database)});
  }
  const auto store = Store::open(*database);
  if (!store) return complain(store.error());

  if (arguments.experiments) return show_experiments(*store, arguments.limit);
  if (arguments.datasets) return show_datasets(*store, arguments.limit);
  if (!arguments.experiment.empty()) return show_experiment(*store, arguments);
  if (arguments.trace.empty() && !arguments.json) return show_list(*store, arguments.limit);
  std::string id;
  if (!arguments.trace.empty()) {
    auto found = store->find_trace(arguments.trace);
    if (!found) return complain(found.error());
    id = std::move(*found);
  }
  if (arguments.json) {
    const auto rows = store->rows_json(id);
    if (!rows) return complain(rows.error());
    fmt::print("{}\n", *rows);
    return 0;
  }
  const auto tree = draw_trace(*store, id);
  if (!tree) return complain(tree.error());
  fmt::print("{}", *tree);
  return 0;
}

}  // namespace braintrust::local
