#include "llm/facts.h"

#include <utility>

#include "core/json_scan.h"

namespace braintrust::llm {
namespace {

void put_over(std::string& earlier, std::string& later) {
  if (!later.empty()) earlier = std::move(later);
}

void merge_over(std::string& earlier, std::string& later) {
  if (!earlier.empty() && !later.empty()) {
    if (auto merged = detail::merge_objects(earlier, later)) {
      earlier = std::move(*merged);
      return;
    }
  }
  put_over(earlier, later);
}

}  // namespace

Facts merge(Facts earlier, Facts later) {
  put_over(earlier.name, later.name);
  put_over(earlier.input, later.input);
  put_over(earlier.output, later.output);
  merge_over(earlier.metadata, later.metadata);
  merge_over(earlier.metrics, later.metrics);
  put_over(earlier.error, later.error);
  put_over(earlier.note, later.note);
  earlier.streamed = earlier.streamed || later.streamed;
  return earlier;
}

}  // namespace braintrust::llm
