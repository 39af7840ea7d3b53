#pragma once

// `RowIndex`: finds the held row of a key, so that a later row of that key can be merged into it or wait behind it.
//
// A flat table with linear probing: 20 ns for a row to go in and out again, because nearly every row is put in and none is
// looked for. Ids are random, so their bits are the hash (stirred, should somebody bring his own).
//
// Threads: one. Errors: none.

#include <cstddef>
#include <cstdint>
#include <vector>

#include <braintrust/core/id.h>

#include "pipeline/batch.h"

namespace braintrust::pipeline {

class RowIndex {
 public:
  struct Place {
    Batch* batch = nullptr;
    std::size_t row = 0;
    explicit operator bool() const noexcept { return batch != nullptr; }
  };

  Place find(RowId id, const Destination* destination) const noexcept;
  // This id is about to be asked for: its place in the table is fetched into the cache meanwhile.
  void expect(RowId id) const noexcept { __builtin_prefetch(&slots_[home_of(id)], 1); }
  void insert(RowId id, Place place);

  // Forgets the row at `place`, or remembers that it moved.
  void erase(RowId id, Place place) noexcept;
  void move(RowId id, Place from, Place to) noexcept;

  std::size_t size() const noexcept { return used_; }

 private:
  struct Slot {
    RowId id = {};
    Place place = {};
  };

  std::size_t home_of(RowId id) const noexcept {
    return static_cast<std::size_t>((id.low ^ id.high >> 7) * 0x9E3779B97F4A7C15U >> 20) & (slots_.size() - 1);
  }
  std::size_t next(std::size_t slot) const noexcept { return (slot + 1) & (slots_.size() - 1); }
  Slot* slot_of(RowId id, Place place) noexcept;
  void grow();

  std::vector<Slot> slots_ = std::vector<Slot>(1024);
  std::size_t used_ = 0;
};

}  // namespace braintrust::pipeline
