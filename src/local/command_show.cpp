#include <filesystem>

#include <braintrust/local/draw.h>
#include <braintrust/local/store.h>
#include <fmt/format.h>

#include "local/commands.h"
#include "local/default_database.h"
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
  fmt::print("{}", print_list(*traces, stdout_style()));
  const auto count = store.trace_count();
  if (count && *count > traces->size())
    fmt::print("{} older traces are not shown (--limit 0 shows all)\n", *count - traces->size());
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
