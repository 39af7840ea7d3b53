#include "local/object_rows.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace braintrust::local {
namespace {

constexpr std::int64_t chunk_rows = 256;
constexpr std::size_t chunk_bytes = 8UL * 1024 * 1024;

// The container's name, and the table where an object without rows is known by its id.
struct KindNames {
  const char* word;
  const char* container;
  const char* known;
};
constexpr KindNames names_of[] = {
    {"dataset", "dataset:", "SELECT 1 FROM datasets WHERE id = ?"},
    {"experiment", "experiment:", "SELECT 1 FROM experiments WHERE id = ?"},
    {"project", "project_logs:", "SELECT 1 FROM projects WHERE id = ?"},
    {"playground", "prompt_session:", "SELECT 1 WHERE ? = ''"},
    {"project", "project_p:", "SELECT 1 FROM projects WHERE id = ?"},
};

// ?1 container, ?2 version, ?3 and ?4 the position, ?5 how many; ?6 an id or a root span id.
//
// A dataset's rows of other versions are read too, without their bodies: to look for the next one that is right could mean to
// look at all of them, once for each chunk.
constexpr const char* dataset_now =
    "SELECT xact, key, CASE WHEN xact <= ?2 THEN body END FROM rows WHERE container = ?1 AND root_span_id IS NULL "
    "AND comment_on IS NULL AND key >= ?4 AND (key, xact) > (?4, ?3) ORDER BY key LIMIT ?5";
constexpr const char* dataset_then =
    "SELECT xact, row_key, CASE WHEN xact <= ?2 AND superseded > ?2 THEN body END FROM history WHERE container = ?1 "
    "AND (row_key, xact) > (?4, ?3) ORDER BY row_key, xact LIMIT ?5";
constexpr const char* dataset_row =
    "SELECT xact, key, CASE WHEN xact <= ?2 THEN body END FROM rows WHERE container = ?1 AND id = ?6 AND comment_on IS NULL "
    "AND (key, xact) > (?4, ?3) LIMIT ?5";
constexpr const char* dataset_row_then =
    "SELECT xact, row_key, CASE WHEN xact <= ?2 AND superseded > ?2 THEN body END FROM history WHERE container = ?1 "
    "AND id = ?6 AND (row_key, xact) > (?4, ?3) ORDER BY row_key, xact LIMIT ?5";
constexpr const char* newest =
    "SELECT xact, key, body FROM rows WHERE container = ?1 AND comment_on IS NULL AND xact <= ?2 AND (xact, key) < (?3, ?4) "
    "ORDER BY xact DESC, key DESC LIMIT ?5";
constexpr const char* newest_of_id =
    "SELECT xact, key, body FROM rows WHERE +container = ?1 AND id = ?6 AND comment_on IS NULL AND xact <= ?2 "
    "AND (xact, key) < (?3, ?4) ORDER BY xact DESC, key DESC LIMIT ?5";
// The plus keeps SQLite from the index by container: a trace has fewer rows than an object.
constexpr const char* newest_of_trace =
    "SELECT xact, key, body FROM rows WHERE +container = ?1 AND root_span_id = ?6 AND comment_on IS NULL AND xact <= ?2 "
    "AND (xact, key) < (?3, ?4) ORDER BY xact DESC, key DESC LIMIT ?5";
// Of prompts the newest version that is not newer than what is asked for.
constexpr const char* prompts_of_project =
    "SELECT xact, key, body FROM prompts p WHERE project_id = ?1 AND xact <= ?2 AND (xact, key) < (?3, ?4) "
    "AND NOT EXISTS (SELECT 1 FROM prompts n WHERE n.id = p.id AND n.xact > p.xact AND n.xact <= ?2) "
    "ORDER BY xact DESC, key DESC LIMIT ?5";

// The rows of several statements in one order. Where one of them was cut short, what lies behind its end is left for later: it
// may have rows there that come first.
class Merge {
 public:
  explicit Merge(bool newest_first) : newest_first_(newest_first) {}

  void add(Statement& statement) {
    std::size_t bytes = 0;
    std::int64_t rows = 0;
    while (statement.step()) {
      const Position position{statement.number(0), statement.number(1)};
      if (!statement.is_null(2)) {
        rows_.push_back({position.xact, position.key, std::string(statement.text(2))});
        bytes += rows_.back().body.size();
      }
      if (++rows < chunk_rows && bytes < chunk_bytes) continue;
      if (!end_ || before(position, *end_)) end_ = position;
      break;
    }
  }

  Chunk chunk() && {
    std::sort(rows_.begin(), rows_.end(), [&](const auto& a, const auto& b) {
      return before({a.xact, a.key}, {b.xact, b.key});
    });
    if (end_) std::erase_if(rows_, [&](const auto& row) { return before(*end_, {row.xact, row.key}); });
    return {std::move(rows_), end_};
  }

 private:
  bool before(const Position& a, const Position& b) const {
    return newest_first_ ? std::pair(a.xact, a.key) > std::pair(b.xact, b.key)
                         : std::pair(a.key, a.xact) < std::pair(b.key, b.xact);
  }

  bool newest_first_;
  std::vector<StoredRow> rows_ = {};
  std::optional<Position> end_ = {};
};

}  // namespace

Result<ObjectRows> ObjectRows::open(Store::State& state, ObjectKind kind, const std::vector<std::string>& ids,
                                    std::optional<std::int64_t> version, Narrowed narrowed) {
  return state.locked([&](Store::State& locked) {
    const auto& names = names_of[static_cast<std::size_t>(kind)];
    ObjectRows rows(locked, kind);
    for (const auto& id : ids) {
      const auto container = locked.find_container(names.container + id);
      if (container) rows.containers_.push_back(*container);
      Statement known(locked.database(), names.known);
      if (!container && !known.bind(1, id).step()) refuse_unknown(fmt::format("no {} has the id {}", names.word, id));
      if (kind == ObjectKind::project_prompts) rows.projects_.push_back(id);
    }
    rows.version_ = version.value_or(locked.last_xact());
    rows.narrowed_ = std::move(narrowed);
    return rows;
  });
}

Result<Chunk> ObjectRows::after(const std::optional<Position>& position) const {
  return state_->locked([&](Store::State& state) {
    constexpr auto last = std::numeric_limits<std::int64_t>::max();
    const auto from = position.value_or(newest_first() ? Position{last, last} : Position{0, 0});
    Merge merge(newest_first());
    const auto read = [&](const char* sql, const auto& object, const std::string* narrow = nullptr) {
      Statement statement(state.database(), sql);
      statement.bind(1, object).bind(2, version_).bind(3, from.xact).bind(4, from.key).bind(5, chunk_rows);
      if (narrow) statement.bind(6, *narrow);
      merge.add(statement);
    };
    for (const auto& project : projects_) read(prompts_of_project, project);
    if (!projects_.empty()) return std::move(merge).chunk();
    for (const auto container : containers_) {
      if (kind_ == ObjectKind::dataset) {
        const auto* id = narrowed_.id ? &*narrowed_.id : nullptr;
        read(id ? dataset_row : dataset_now, container, id);
        read(id ? dataset_row_then : dataset_then, container, id);
      } else if (narrowed_.id) {
        read(newest_of_id, container, &*narrowed_.id);
      } else if (narrowed_.root_span_id) {
        read(newest_of_trace, container, &*narrowed_.root_span_id);
      } else {
        read(newest, container);
      }
    }
    return std::move(merge).chunk();
  });
}

}  // namespace braintrust::local
