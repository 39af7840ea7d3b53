#pragma once

// Asking BTQL from within the library: syntax trees, pages, and the rows in them. Threads: one an object.
// Errors: those of Client::call. Source: PROTO 13.

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <braintrust/api/btql.h>

#include "api/client.h"

namespace braintrust::detail {

// name = value
nlohmann::json btql_equals(std::vector<std::string> name, nlohmann::json value);
// source('id')
nlohmann::json btql_from(std::string_view source, std::string_view id);
// select: * from: `from`
nlohmann::json btql_star(nlohmann::json from);

// One question. `source` is told to the server, for its statistics.
Result<BtqlPage> ask(Client& client, const nlohmann::json& query, const std::string& version, std::string_view source);

// Page after page of a syntax tree.
class BtqlPager {
 public:
  BtqlPager(std::shared_ptr<Client> client, nlohmann::json query, std::string version, std::size_t page_rows,
            std::string source);

  bool done() const noexcept { return done_; }
  Result<nlohmann::json> next();  // a list of rows, while it is not done

 private:
  std::shared_ptr<Client> client_;
  nlohmann::json query_;
  std::string version_;
  std::size_t page_rows_;
  std::string source_;
  std::uint64_t left_ = std::numeric_limits<std::uint64_t>::max();
  bool done_ = false;
};

// Row after row of the pages. An error is the last.
class BtqlRowReader {
 public:
  explicit BtqlRowReader(BtqlPager pager) : pager_(std::move(pager)) {}

  // Nothing: there are no more.
  std::optional<Result<nlohmann::json>> next() {
    while (at_ == page_.size()) {
      if (pager_.done() || failed_) return {};
      auto page = pager_.next();
      if (!page) {
        failed_ = true;
        return page.error();
      }
      page_ = std::move(*page);
      at_ = 0;
    }
    return std::move(page_[at_++]);
  }

 private:
  BtqlPager pager_;
  nlohmann::json page_ = nlohmann::json::array();
  std::size_t at_ = 0;
  bool failed_ = false;
};

// Where spans were logged.
struct LogSource {
  std::string object_type = {};  // project_logs or experiment
  std::string object_id = {};
};
Result<LogSource> logs_of(Client& client, const SpanSource& source);
Result<nlohmann::json> find_span(Client& client, const LogSource& from, std::string_view span_id);

}  // namespace braintrust::detail
