#pragma once

// `Queue`: carries finished records, as bytes, from any number of app threads to one background thread.
//
//   app thread                                      background thread
//   push ─▶ its lane's current block ── full ─▶ list of full blocks ─▶ collect() ─▶ … ─▶ release() ─▶ back to the free blocks
//                      └───────────── taken as it is, at every collect() ─────────┘
//
// Each thread fills a block of its own, so a push touches nothing that another thread touches, but for the one atomic exchange
// that keeps the background thread from taking the block in the middle of a write. Blocks are shared out and given back whole
// (every few dozen records) and used again: no allocation, no lock and no wake-up per record. `trim` frees what a burst left.
//
// Threads are not ordered among each other, but for `push_behind`: its records come after everything that was pushed before
// them, by whatever thread. For updates of earlier records; under a lock that is held for a copy.
//
// Bounds: bytes and rows of everything that is queued or held further down (see `max_bytes`, `max_rows`; more than 8 GiB count
// as 8). At a bound, `push` refuses the newest and counts it. While less than half of the rows are used, threads are granted
// them in small portions, to ask less often; what idle threads keep of those is at most that half.
//
// Threads: `push` from any; `collect`, `release` and `trim` from the background thread; the rest from any.
// Errors: none; a record that finds no room is refused. Units: bytes, rows.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

namespace braintrust::pipeline {

class Queue;

struct Lane;

struct Block {
  Block* next = nullptr;             // in the list of full blocks
  Lane* lane = nullptr;              // who filled it
  std::uint64_t sequence = 0;        // how many blocks that lane had filled before
  std::uint32_t index_plus_one = 0;  // its place in the queue; 0 = made for one large record
  std::uint32_t rows = 0;            // that were not passed on
  std::size_t used = 0;
  std::size_t read = 0;  // by the background thread
  std::size_t capacity = 0;

  char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
  const char* data() const noexcept { return reinterpret_cast<const char*>(this + 1); }
};

// One thread's end of a queue.
struct alignas(64) Lane {
  std::atomic<Block*> current = nullptr;  // the block being filled; `writing` while its thread writes into it
  std::uint64_t sequence = 0;
  std::uint32_t row_credit = 0;           // rows this thread may still push before it asks again
  std::atomic<std::uint64_t> pushed = 0;  // rows, ever; written by its thread only
  std::atomic<bool> taken = true;         // false: its thread has ended, another may have it
  Lane* next = nullptr;
};

class Queue {
 public:
  struct Bounds {
    std::size_t max_bytes = 64u << 20;
    std::size_t max_rows = 1u << 18;
  };

  // What the background thread holds beyond the queue; it shares the bounds.
  struct Held {
    std::atomic<std::uint64_t> rows = 0;
    std::atomic<std::uint64_t> bytes = 0;
  };

  // `on_block` is called by an app thread when the background thread has something to do and waits.
  Queue(Bounds bounds, const Held& held, void (*on_block)(void*), void* context);
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  ~Queue();

  // Makes room for one record of `bytes` and lets `write(char*)` fill it. False: no room, counted as refused.
  template <class Write>
  bool push(std::size_t bytes, Write&& write) {
    return push_to(this_threads_lane(), bytes, std::forward<Write>(write));
  }
  // Likewise, behind every record whose push has ended.
  template <class Write>
  bool push_behind(std::size_t bytes, Write&& write) {
    const std::lock_guard lock(behind_mutex_);
    return push_to(behind_, bytes, std::forward<Write>(write));
  }

  // The full blocks, or everything pushed so far; a list through `next`, the blocks of each lane in order. For everything it
  // waits until no thread is in the middle of a push (which takes as long as a copy does), 100 ms at most.
  enum class Collect { full_blocks, everything };
  Block* collect(Collect what);
  // One row of the block has been read and is held further down, where it counts from now on.
  void pass_on(Block& block) noexcept;
  // Gives a block back, and the rows that were not passed on.
  void release(Block* block) noexcept;
  // Frees the memory of free blocks, all but `keep` bytes of them.
  void trim(std::size_t keep) noexcept;

  // The background thread is about to wait, or not: whether `on_block` is wanted.
  void set_waiting(bool waiting) noexcept { waiting_.store(waiting, std::memory_order_seq_cst); }

  std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }
  // Memory of the blocks in use, including the unfilled part of each.
  std::uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  // Rows pushed and not released.
  std::uint64_t rows() const noexcept;

 private:
  template <class Write>
  bool push_to(Lane& lane, std::size_t bytes, Write&& write) {
    if (lane.row_credit == 0 && !grant_rows(lane)) return refuse();
    Block* block = lane.current.exchange(&writing, std::memory_order_acquire);
    if (block == nullptr || block->capacity - block->used < bytes) [[unlikely]] {
      block = next_block(lane, block, bytes);
      if (block == nullptr) {
        lane.current.store(nullptr, std::memory_order_release);
        return refuse();
      }
    }
    write(block->data() + block->used);
    block->used += bytes;
    block->rows += 1;
    lane.row_credit -= 1;
    lane.pushed.store(lane.pushed.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    // The background thread's core had these lines last: they come while the next record, of about this size, is made.
    prefetch_for_writing(block->data() + block->used, std::min(bytes, block->capacity - block->used));
    lane.current.store(block, std::memory_order_release);
    return true;
  }

  Lane& this_threads_lane() {
    LaneCache& cache = lane_cache;
    if (cache.queue_id == id_) [[likely]]
      return *cache.lane;
    return find_lane();
  }
  Lane& find_lane();
  static void prefetch_for_writing(const char* bytes, std::size_t size) noexcept;
  bool grant_rows(Lane& lane) noexcept;
  bool refuse() noexcept {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  Block* next_block(Lane& lane, Block* full, std::size_t bytes);
  // A list of free places: the first one, index plus one, in the low half, and a tag against ABA in the high.
  using PlaceList = std::atomic<std::uint64_t>;
  std::uint32_t take(PlaceList& list) noexcept;  // index plus one; 0 = none
  void give(PlaceList& list, std::uint32_t index_plus_one) noexcept;
  void hand_over(Block* block) noexcept;
  static Block* take_current(Lane& lane);

  static constinit Block writing;  // stands for the block that a lane's thread is writing to

  struct LaneCache {
    std::uint64_t queue_id;
    Lane* lane;
  };
  static constinit thread_local LaneCache lane_cache;
  friend struct ThreadLanes;

  const std::uint64_t id_;  // never reused, so that a thread's cache cannot mistake one queue for another
  const Bounds bounds_;
  const std::size_t block_bytes_;
  const std::uint32_t row_portion_;
  const Held& held_;
  void (*const on_block_)(void*);
  void* const context_;

  std::atomic<Lane*> lanes_ = nullptr;
  std::mutex behind_mutex_;
  Lane behind_;                   // not among `lanes_`
  Block* behind_full_ = nullptr;  // its full blocks, the newest first
  // The places for blocks of the usual size; whoever takes one off its list owns it.
  struct Place {
    Block* block = nullptr;
    std::atomic<std::uint32_t> next_free = 0;  // index plus one
  };
  Place* places_ = nullptr;
  std::uint32_t place_count_ = 0;

  alignas(64) std::atomic<Block*> full_ = nullptr;
  std::atomic<bool> waiting_ = false;
  alignas(64) PlaceList warm_ = 0;         // free places with memory
  PlaceList cold_ = 0;                     // free places without
  std::atomic<std::uint32_t> blocks_ = 0;  // places with memory, free or not
  std::atomic<std::uint64_t> bytes_ = 0;
  std::atomic<std::uint64_t> granted_ = 0;   // rows that threads may push or have pushed, and not released
  std::atomic<std::uint64_t> released_ = 0;  // rows, ever
  std::atomic<std::uint64_t> refused_ = 0;
};

}  // namespace braintrust::pipeline
