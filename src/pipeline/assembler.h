#pragma once

// `Assembler`: puts rows together into batches, and makes one row of those that have the same key.
//
// Owned by the courier. A row waits in its route until the destination's id is known, then goes into the batch that is being
// formed; a full batch is sealed and handed out by `next`, and comes back through `finish` when it was sent or given up.
//
// Rows of one key (destination and id): while the first can still be changed, the second is merged into it (or replaces it,
// when it is no merge row). While the first is out, the second follows it: it waits, and enters a batch when the first has come
// back.
//
// Threads: one. Units: bytes. Errors: none. Source: PROTO 4.3, 4.4.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pipeline/batch.h"
#include "pipeline/courier.h"
#include "pipeline/row_index.h"

namespace braintrust::pipeline {

class Assembler {
 public:
  // The way to one destination.
  struct Route {
    enum class State { waiting, open, refused };

    Destination* destination = nullptr;
    Destination* key = nullptr;  // the same for all routes to one object, once that is known
    State state = State::waiting;
    std::string prefix = {};              // its ids, as the first members of each row
    std::unique_ptr<Batch> waiting = {};  // rows without the prefix, while the ids are not known
    Batch::Clock::time_point refused_at = {};
  };

  explicit Assembler(BatchLimits limits) : limits_(limits) {}

  void set_limits(BatchLimits limits) { limits_ = limits; }
  const BatchLimits& limits() const { return limits_; }

  Route& route_to(Destination* destination);
  std::vector<std::unique_ptr<Route>>& routes() { return routes_; }

  // The route must not be refused.
  void expect(RowId id) const noexcept { index_.expect(id); }  // see RowIndex
  void take(Route& route, const Row& row);

  // What was taken until now need not wait for more rows.
  void seal();

  // Lets the rows of a route pass.
  void open(Route& route, std::string prefix);

  // Marks a route as refused and returns the rows that waited in it, or null.
  std::unique_ptr<Batch> refuse(Route& route);

  // Is a batch sealed, and the oldest such batch; null when there is none.
  std::size_t sealed() const noexcept { return sealed_.size(); }
  std::unique_ptr<Batch> next();

  // Makes two batches of one that was handed out: in the middle, if it has two rows or more; or what belongs to the first row's
  // destination and the rest, if it has several.
  enum class Split { in_the_middle, by_destination };
  std::pair<std::unique_ptr<Batch>, std::unique_ptr<Batch>> split(std::unique_ptr<Batch> batch, Split how);

  // The rows of a batch that was handed out are held no longer; those that waited for them go on.
  void finish(std::unique_ptr<Batch> batch);

  // Everything not handed out: the sealed, the forming, what waits in routes and for rows that are out. Holds nothing
  // afterwards: what is out must not come back.
  std::vector<std::unique_ptr<Batch>> surrender();

  // When the oldest row that is not handed out was taken; the epoch when there is none.
  Batch::Clock::time_point oldest() const noexcept;

  std::uint64_t held_rows() const noexcept { return held_rows_; }  // rows taken and not finished
  std::size_t held_bytes() const noexcept { return held_bytes_; }

 private:
  // A row that waits until an earlier one of its key is back.
  struct Follower {
    Route* route = nullptr;
    RowId id = {};
    std::string text = {};
    std::uint32_t count = 0;
    bool merge = false;
    std::uint64_t seal_epoch = 0;
    Batch::Clock::time_point since = {};
  };

  struct Piece {
    RowId id;
    std::string_view text;
    std::uint32_t count;
    bool merge;
    Batch::Clock::time_point since = {};  // when it, or what is in it, was taken; the epoch = now
  };

  void place(Route& route, const Piece& piece);
  void place_in_forming(std::string_view prefix, Destination* destination, const Piece& piece);
  void meet(Route& route, RowIndex::Place earlier, const Piece& piece);
  void follow(Route& route, HeldRow& first, const Piece& piece);
  void release(Follower follower);
  void add_to(Batch& batch, std::string_view prefix, Destination* destination, const Piece& piece);
  void cut_dead_rows(Batch& batch);
  void seal_forming();
  std::unique_ptr<Batch> new_batch();
  void recycle(std::unique_ptr<Batch> batch);

  BatchLimits limits_;
  std::vector<std::unique_ptr<Route>> routes_;
  std::unordered_map<const Destination*, Route*> route_of_;
  Route* last_route_ = nullptr;
  std::unique_ptr<Batch> forming_;
  std::deque<std::unique_ptr<Batch>> sealed_;
  std::vector<std::unique_ptr<Batch>> spare_;
  std::size_t spare_bytes_ = 0;
  RowIndex index_;
  std::vector<Follower> followers_;  // a row knows its follower by number, so freed places are used again
  std::vector<std::int32_t> free_followers_;
  std::uint64_t seal_epoch_ = 0;
  std::uint64_t held_rows_ = 0;
  std::size_t held_bytes_ = 0;
};

}  // namespace braintrust::pipeline
