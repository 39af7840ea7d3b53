#include "pipeline/row_index.h"

#include <utility>

namespace braintrust::pipeline {

RowIndex::Place RowIndex::find(RowId id, const Destination* destination) const noexcept {
  for (std::size_t slot = home_of(id); slots_[slot].place; slot = next(slot)) {
    const Slot& candidate = slots_[slot];
    if (candidate.id == id && candidate.place.batch->rows()[candidate.place.row].destination == destination) {
      return candidate.place;
    }
  }
  return {};
}

void RowIndex::insert(RowId id, Place place) {
  if ((used_ + 1) * 2 > slots_.size()) grow();
  std::size_t slot = home_of(id);
  while (slots_[slot].place) slot = next(slot);
  slots_[slot] = {id, place};
  ++used_;
}

RowIndex::Slot* RowIndex::slot_of(RowId id, Place place) noexcept {
  for (std::size_t slot = home_of(id); slots_[slot].place; slot = next(slot)) {
    Slot& candidate = slots_[slot];
    if (candidate.id == id && candidate.place.batch == place.batch && candidate.place.row == place.row) return &candidate;
  }
  return nullptr;
}

void RowIndex::erase(RowId id, Place place) noexcept {
  Slot* const found = slot_of(id, place);
  if (found == nullptr) return;
  // Close the gap: move back what would no longer be found across it.
  auto gap = static_cast<std::size_t>(found - slots_.data());
  for (std::size_t slot = next(gap); slots_[slot].place; slot = next(slot)) {
    const std::size_t home = home_of(slots_[slot].id);
    const std::size_t mask = slots_.size() - 1;
    if (((slot - home) & mask) >= ((slot - gap) & mask)) {
      slots_[gap] = slots_[slot];
      gap = slot;
    }
  }
  slots_[gap] = {};
  --used_;
}

void RowIndex::move(RowId id, Place from, Place to) noexcept {
  if (Slot* const found = slot_of(id, from)) found->place = to;
}

void RowIndex::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  used_ = 0;
  for (const Slot& slot : old) {
    if (slot.place) insert(slot.id, slot.place);
  }
}

}  // namespace braintrust::pipeline
