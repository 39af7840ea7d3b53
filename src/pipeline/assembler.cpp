#include "pipeline/assembler.h"

#include <algorithm>

#include "pipeline/row_merge.h"

namespace braintrust::pipeline {
namespace {

// What is kept for later batches, so that the memory of a burst goes back.
constexpr std::size_t most_spare_batches = 16;
constexpr std::size_t most_spare_bytes = 16 << 20;
constexpr std::size_t most_dead_bytes = 1 << 20;

}  // namespace

Assembler::Route& Assembler::route_to(Destination* destination) {
  if (last_route_ != nullptr && last_route_->destination == destination) return *last_route_;
  Route*& known = route_of_[destination];
  if (known == nullptr) {
    routes_.push_back(std::make_unique<Route>(Route{.destination = destination, .key = destination}));
    known = routes_.back().get();
  }
  last_route_ = known;
  return *known;
}

void Assembler::take(Route& route, const Row& row) {
  ++held_rows_;
  place(route, {.id = row.id, .text = row.text, .count = 1, .merge = row.merge});
}

void Assembler::place(Route& route, const Piece& piece) {
  if (piece.id) {
    if (const auto earlier = index_.find(piece.id, route.key)) return meet(route, earlier, piece);
  }
  if (route.state == Route::State::waiting) {
    if (!route.waiting) route.waiting = new_batch();
    add_to(*route.waiting, "", route.key, piece);
  } else {
    place_in_forming(route.prefix, route.key, piece);
  }
}

void Assembler::place_in_forming(std::string_view prefix, Destination* destination, const Piece& piece) {
  if (forming_ && !forming_->has_room(Batch::size_of(prefix, piece.text), limits_)) seal_forming();
  if (!forming_) forming_ = new_batch();
  add_to(*forming_, prefix, destination, piece);
  if (forming_->live_rows() >= limits_.rows) seal_forming();
}

void Assembler::add_to(Batch& batch, std::string_view prefix, Destination* destination, const Piece& piece) {
  if (batch.rows().empty()) {
    batch.progress.since = piece.since == Batch::Clock::time_point{} ? Batch::Clock::now() : piece.since;
    batch.seal_epoch = seal_epoch_;
  } else if (piece.since != Batch::Clock::time_point{}) {
    batch.progress.since = std::min(batch.progress.since, piece.since);
  }
  const std::size_t row = batch.append(
      prefix, piece.text, {.id = piece.id, .destination = destination, .count = piece.count, .merge = piece.merge});
  held_bytes_ += batch.rows()[row].size;
  if (piece.id) index_.insert(piece.id, {&batch, row});
}

// A row of the same key is held already.
void Assembler::meet(Route& route, RowIndex::Place earlier, const Piece& piece) {
  HeldRow& first = earlier.batch->rows()[earlier.row];
  const bool forming = earlier.batch == forming_.get();
  if (!forming && earlier.batch != route.waiting.get()) return follow(route, first, piece);

  // What is merged has its ids already, and must not get them twice.
  std::string merged;
  std::string_view prefix;
  Piece whole = piece;
  if (piece.merge) {
    auto text = merge_rows(earlier.batch->text_of(first), first.merge, piece.text);
    if (!text) return place(route, {.id = {}, .text = piece.text, .count = piece.count, .merge = piece.merge});  // not valid
    merged = std::move(*text);
    whole.text = merged;
    whole.merge = first.merge;
  } else if (forming) {
    prefix = route.prefix;
  }
  whole.count += first.count;
  whole.since = earlier.batch->progress.since;
  held_bytes_ -= first.size;
  index_.erase(piece.id, earlier);
  earlier.batch->kill(earlier.row);
  // A large row that small ones are merged into again and again must not pile up copies of itself.
  if (earlier.batch->dead_bytes() > earlier.batch->row_bytes() + most_dead_bytes) cut_dead_rows(*earlier.batch);
  if (forming) {
    place_in_forming(prefix, route.key, whole);
  } else {
    add_to(*route.waiting, "", route.key, whole);
  }
}

// The earlier row is on its way: this one waits for it, and meets there whatever else comes for the same key.
void Assembler::follow(Route& route, HeldRow& first, const Piece& piece) {
  if (first.follower >= 0) {
    Follower& other = followers_[static_cast<std::size_t>(first.follower)];
    auto merged = piece.merge ? merge_rows(other.text, other.merge, piece.text) : std::string(piece.text);
    if (!merged) return place(route, {.id = {}, .text = piece.text, .count = piece.count, .merge = piece.merge});  // not valid
    held_bytes_ += merged->size() - other.text.size();
    other.text = std::move(*merged);
    other.merge = other.merge && piece.merge;
    other.count += piece.count;
    return;
  }
  if (free_followers_.empty()) {
    free_followers_.push_back(static_cast<std::int32_t>(followers_.size()));
    followers_.emplace_back();
  }
  first.follower = free_followers_.back();
  free_followers_.pop_back();
  followers_[static_cast<std::size_t>(first.follower)] = {.route = &route,
                                                          .id = piece.id,
                                                          .text = std::string(piece.text),
                                                          .count = piece.count,
                                                          .merge = piece.merge,
                                                          .seal_epoch = seal_epoch_,
                                                          .since = Batch::Clock::now()};
  held_bytes_ += piece.text.size();
}

// The row that `follower` waited for is back.
void Assembler::release(Follower follower) {
  held_bytes_ -= follower.text.size();
  place(*follower.route,
        {.id = follower.id, .text = follower.text, .count = follower.count, .merge = follower.merge, .since = follower.since});
  if (follower.seal_epoch != seal_epoch_) seal_forming();
}

void Assembler::seal() {
  ++seal_epoch_;
  seal_forming();
}

void Assembler::seal_forming() {
  if (!forming_ || forming_->empty()) return;
  cut_dead_rows(*forming_);
  forming_->finish();
  sealed_.push_back(std::move(forming_));
}

// Rows behind a dead one get another number.
void Assembler::cut_dead_rows(Batch& batch) {
  if (batch.live_rows() == batch.rows().size()) return;
  std::size_t number = 0;
  for (std::size_t row = 0; row < batch.rows().size(); ++row) {
    const HeldRow& held = batch.rows()[row];
    if (held.dead) continue;
    if (held.id && row != number) index_.move(held.id, {&batch, row}, {&batch, number});
    ++number;
  }
  batch.compact();
}

void Assembler::open(Route& route, std::string prefix) {
  route.state = Route::State::open;
  route.prefix = std::move(prefix);
  // One object may have been named in two ways: by a project's name, and by an id that came in a slug.
  for (const auto& other : routes_) {
    if (other.get() != &route && other->state == Route::State::open && other->prefix == route.prefix) route.key = other->key;
  }
  const std::unique_ptr<Batch> waiting = std::move(route.waiting);
  if (!waiting) return;
  for (std::size_t row = 0; row < waiting->rows().size(); ++row) {
    const HeldRow& held = waiting->rows()[row];
    if (held.dead) continue;
    held_bytes_ -= held.size;
    if (held.id) index_.erase(held.id, {waiting.get(), row});
    place(route, {.id = held.id, .text = waiting->text_of(held), .count = held.count, .merge = held.merge});
    Batch& entered = forming_ ? *forming_ : *sealed_.back();
    entered.progress.since = std::min(entered.progress.since, waiting->progress.since);
  }
  // A `seal` that came while they waited was meant for them too.
  if (waiting->seal_epoch != seal_epoch_) seal_forming();
}

std::unique_ptr<Batch> Assembler::refuse(Route& route) {
  route.state = Route::State::refused;
  if (route.waiting) {
    cut_dead_rows(*route.waiting);
    route.waiting->finish();
  }
  return std::move(route.waiting);
}

std::unique_ptr<Batch> Assembler::next() {
  if (sealed_.empty()) return nullptr;
  std::unique_ptr<Batch> batch = std::move(sealed_.front());
  sealed_.pop_front();
  return batch;
}

std::pair<std::unique_ptr<Batch>, std::unique_ptr<Batch>> Assembler::split(std::unique_ptr<Batch> batch, Split how) {
  std::pair<std::unique_ptr<Batch>, std::unique_ptr<Batch>> parts{new_batch(), new_batch()};
  const std::vector<HeldRow>& rows = batch->rows();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const bool first = how == Split::in_the_middle ? row < rows.size() / 2 : rows[row].destination == rows.front().destination;
    Batch& part = first ? *parts.first : *parts.second;
    const std::size_t number = part.append("", batch->text_of(rows[row]), rows[row]);
    if (rows[row].id) index_.move(rows[row].id, {batch.get(), row}, {&part, number});
  }
  for (Batch* const part : {parts.first.get(), parts.second.get()}) {
    part->finish();
    part->progress.since = batch->progress.since;
    part->progress.spare_requests = batch->progress.spare_requests;
  }
  recycle(std::move(batch));
  return parts;
}

void Assembler::finish(std::unique_ptr<Batch> batch) {
  constexpr std::size_t ahead = 8;
  const std::vector<HeldRow>& rows = batch->rows();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const HeldRow& held = rows[row];
    if (row + ahead < rows.size()) index_.expect(rows[row + ahead].id);
    held_rows_ -= held.count;
    held_bytes_ -= held.size;
    if (!held.id) continue;
    index_.erase(held.id, {batch.get(), row});
    if (held.follower < 0) continue;
    free_followers_.push_back(held.follower);
    release(std::exchange(followers_[static_cast<std::size_t>(held.follower)], {}));
  }
  recycle(std::move(batch));
}

std::vector<std::unique_ptr<Batch>> Assembler::surrender() {
  std::vector<std::unique_ptr<Batch>> all;
  // Behind rows that are out: they go into the forming batch as strangers.
  for (Follower& follower : followers_) {
    if (follower.route == nullptr) continue;
    place_in_forming(follower.route->prefix, follower.route->key,
                     {.id = {}, .text = follower.text, .count = follower.count, .merge = follower.merge});
  }
  seal_forming();
  while (auto batch = next()) all.push_back(std::move(batch));
  for (const auto& route : routes_) {
    if (!route->waiting) continue;
    cut_dead_rows(*route->waiting);
    route->waiting->finish();
    all.push_back(std::move(route->waiting));
  }
  followers_.clear();
  free_followers_.clear();
  index_ = RowIndex();
  held_rows_ = 0;
  held_bytes_ = 0;
  return all;
}

Batch::Clock::time_point Assembler::oldest() const noexcept {
  auto oldest = Batch::Clock::time_point::max();
  const auto consider = [&](const Batch* batch) {
    if (batch != nullptr && !batch->empty()) oldest = std::min(oldest, batch->progress.since);
  };
  consider(forming_.get());
  for (const auto& batch : sealed_) consider(batch.get());
  for (const auto& route : routes_) consider(route->waiting.get());
  return oldest == Batch::Clock::time_point::max() ? Batch::Clock::time_point{} : oldest;
}

std::unique_ptr<Batch> Assembler::new_batch() {
  if (spare_.empty()) return std::make_unique<Batch>();
  std::unique_ptr<Batch> batch = std::move(spare_.back());
  spare_.pop_back();
  spare_bytes_ -= batch->capacity();
  return batch;
}

void Assembler::recycle(std::unique_ptr<Batch> batch) {
  if (spare_.size() >= most_spare_batches || spare_bytes_ + batch->capacity() > most_spare_bytes) return;
  batch->clear();
  spare_bytes_ += batch->capacity();
  spare_.push_back(std::move(batch));
}

}  // namespace braintrust::pipeline
