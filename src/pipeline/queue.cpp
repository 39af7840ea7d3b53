#include <braintrust/pipeline/queue.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace braintrust::pipeline {
namespace {

constexpr std::size_t largest_block = 32 * 1024;
constexpr std::size_t smallest_block = 4 * 1024;
constexpr std::uint32_t largest_portion = 64;

std::uint64_t next_queue_id() {
  static std::atomic<std::uint64_t> last = 0;
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// At least eight blocks fit the bound, so that one thread's current block cannot use all of it.
std::size_t block_size_for(std::size_t max_bytes) { return std::clamp(max_bytes / 8, smallest_block, largest_block); }

// Each place costs a few bytes whether it is used or not.
std::size_t at_most(std::size_t max_bytes) {
  constexpr std::uint64_t most = std::uint64_t{8} << 30;
  return static_cast<std::size_t>(std::min<std::uint64_t>(max_bytes, most));
}

Block* make_block(std::size_t capacity) {
  void* memory = std::malloc(sizeof(Block) + capacity);
  if (memory == nullptr) return nullptr;
  auto* block = new (memory) Block;
  block->capacity = capacity;
  return block;
}

}  // namespace

constinit Block Queue::writing = {};
constinit thread_local Queue::LaneCache Queue::lane_cache = {};

// The lanes a thread uses, one a queue; gives them back when the thread ends. A thread that pushes after that (from destructors
// of other thread-local objects) takes a lane for good: one small object, and its rows are collected like all others.
struct ThreadLanes {
  struct Entry {
    std::uint64_t queue_id;
    Lane* lane;
  };
  std::vector<Entry> entries;
  ~ThreadLanes() {
    for (const Entry& entry : entries) entry.lane->taken.store(false, std::memory_order_release);
    entries.clear();
    Queue::lane_cache = {};
    ended = true;
  }
  static constinit thread_local bool ended;
};
constinit thread_local bool ThreadLanes::ended = false;

namespace {
ThreadLanes& thread_lanes() {
  static thread_local ThreadLanes lanes;
  return lanes;
}
}  // namespace

Queue::Queue(Bounds bounds, const Held& held, void (*on_block)(void*), void* context)
    : id_(next_queue_id()),
      bounds_{at_most(bounds.max_bytes), bounds.max_rows},
      block_bytes_(block_size_for(bounds.max_bytes)),
      row_portion_(static_cast<std::uint32_t>(std::clamp<std::size_t>(bounds.max_rows / 64, 1, largest_portion))),
      held_(held),
      on_block_(on_block),
      context_(context) {
  place_count_ = static_cast<std::uint32_t>(bounds_.max_bytes / block_bytes_ + 1);
  places_ = new Place[place_count_];
  for (std::uint32_t place = place_count_; place > 0; --place) give(cold_, place);
}

Queue::~Queue() {
  // Only reached when no thread pushes any more.
  for (Lane* lane = lanes_.load(); lane != nullptr;) {
    if (Block* block = lane->current.load(); block != nullptr && block->index_plus_one == 0) std::free(block);
    delete std::exchange(lane, lane->next);
  }
  for (Block* block = full_.load(); block != nullptr;) {
    Block* next = block->next;
    if (block->index_plus_one == 0) std::free(block);
    block = next;
  }
  for (Block* block = behind_full_; block != nullptr;) {
    Block* next = block->next;
    if (block->index_plus_one == 0) std::free(block);
    block = next;
  }
  if (Block* block = behind_.current.load(); block != nullptr && block->index_plus_one == 0) std::free(block);
  for (std::uint32_t i = 0; i < place_count_; ++i) std::free(places_[i].block);
  delete[] places_;
}

Lane& Queue::find_lane() {
  const auto adopt = [this](Lane* lane) -> Lane& {
    if (!ThreadLanes::ended) thread_lanes().entries.push_back({id_, lane});
    lane_cache = {id_, lane};
    return *lane;
  };
  if (!ThreadLanes::ended) {
    for (const auto& entry : thread_lanes().entries) {
      if (entry.queue_id == id_) {
        lane_cache = {id_, entry.lane};
        return *entry.lane;
      }
    }
  }
  for (Lane* lane = lanes_.load(std::memory_order_acquire); lane != nullptr; lane = lane->next) {
    bool expected = false;
    if (lane->taken.compare_exchange_strong(expected, true, std::memory_order_acquire)) return adopt(lane);
  }
  auto* lane = new Lane;
  lane->next = lanes_.load(std::memory_order_relaxed);
  while (!lanes_.compare_exchange_weak(lane->next, lane, std::memory_order_release, std::memory_order_relaxed)) {
  }
  return adopt(lane);
}

#if defined(__x86_64__) || defined(__i386__)
[[gnu::target("prfchw")]]
#endif
void Queue::prefetch_for_writing(const char* bytes, std::size_t size) noexcept {
  constexpr std::size_t line = 64, most = 2048;
  const char* const end = bytes + std::min(size, most);
  for (; bytes < end; bytes += line) __builtin_prefetch(bytes, 1);
}

std::uint64_t Queue::rows() const noexcept {
  // Released first: a row is pushed before it is released, so the difference is never less than none.
  const std::uint64_t released = released_.load(std::memory_order_acquire);
  std::uint64_t sum = behind_.pushed.load(std::memory_order_relaxed);
  for (const Lane* lane = lanes_.load(std::memory_order_acquire); lane != nullptr; lane = lane->next) {
    sum += lane->pushed.load(std::memory_order_relaxed);
  }
  return sum - released;
}

bool Queue::grant_rows(Lane& lane) noexcept {
  std::uint64_t rows = granted_.load(std::memory_order_relaxed);
  std::uint32_t portion = 0;
  do {
    const std::uint64_t used = rows + held_.rows.load(std::memory_order_relaxed);
    portion = used < bounds_.max_rows / 2 ? row_portion_ : 1;
    if (used + portion > bounds_.max_rows) return false;
  } while (!granted_.compare_exchange_weak(rows, rows + portion, std::memory_order_relaxed));
  lane.row_credit = portion;
  return true;
}

Block* Queue::next_block(Lane& lane, Block* full, std::size_t bytes) {
  if (full != nullptr && &lane == &behind_) {
    full->next = std::exchange(behind_full_, full);
  } else if (full != nullptr) {
    hand_over(full);
  }
  const bool large = bytes > block_bytes_;
  const std::size_t capacity = large ? bytes : block_bytes_;
  const std::uint64_t before = bytes_.fetch_add(capacity, std::memory_order_relaxed);
  if (before + capacity + held_.bytes.load(std::memory_order_relaxed) > bounds_.max_bytes) {
    bytes_.fetch_sub(capacity, std::memory_order_relaxed);
    return nullptr;
  }
  std::uint32_t place = 0;
  Block* block = nullptr;
  if (large) {
    block = make_block(capacity);
  } else if ((place = take(warm_)) != 0) {
    block = places_[place - 1].block;
  } else if ((place = take(cold_)) != 0) {
    block = make_block(capacity);
    if (block == nullptr) {
      give(cold_, place);
    } else {
      places_[place - 1].block = block;
      blocks_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  if (block == nullptr) {
    bytes_.fetch_sub(capacity, std::memory_order_relaxed);
    return nullptr;
  }
  block->index_plus_one = place;
  block->next = nullptr;
  block->lane = &lane;
  block->sequence = lane.sequence++;
  block->used = 0;
  block->read = 0;
  block->rows = 0;
  return block;
}

std::uint32_t Queue::take(PlaceList& list) noexcept {
  std::uint64_t head = list.load(std::memory_order_acquire);
  for (;;) {
    const auto place = static_cast<std::uint32_t>(head);
    if (place == 0) return 0;
    // Stale when another thread took the place meanwhile; the tag then makes the exchange fail.
    const std::uint64_t next = places_[place - 1].next_free.load(std::memory_order_relaxed);
    if (list.compare_exchange_weak(head, ((head >> 32) + 1) << 32 | next, std::memory_order_acquire)) return place;
  }
}

void Queue::give(PlaceList& list, std::uint32_t place) noexcept {
  std::uint64_t head = list.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    places_[place - 1].next_free.store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
    next = ((head >> 32) + 1) << 32 | place;
  } while (!list.compare_exchange_weak(head, next, std::memory_order_release, std::memory_order_relaxed));
}

void Queue::hand_over(Block* block) noexcept {
  block->next = full_.load(std::memory_order_relaxed);
  while (!full_.compare_exchange_weak(block->next, block, std::memory_order_seq_cst, std::memory_order_relaxed)) {
  }
  if (waiting_.load(std::memory_order_seq_cst) && waiting_.exchange(false)) on_block_(context_);
}

Block* Queue::take_current(Lane& lane) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds longest_push{100};
  std::optional<Clock::time_point> since;
  Block* block = lane.current.load(std::memory_order_relaxed);
  for (;;) {
    if (block == nullptr) return nullptr;
    if (block != &writing) {
      if (lane.current.compare_exchange_weak(block, nullptr, std::memory_order_acquire, std::memory_order_relaxed))
        return block;
      continue;
    }
    if (!since) since = Clock::now();
    if (Clock::now() - *since > longest_push) return nullptr;  // its thread was stopped in there
    std::this_thread::yield();
    block = lane.current.load(std::memory_order_relaxed);
  }
}

Block* Queue::collect(Collect what) {
  std::vector<Block*> blocks;
  // First what came behind others: whatever it came behind is then still to be seen below, or was collected before.
  Block* behind = nullptr;
  if (what == Collect::everything) {
    const std::lock_guard lock(behind_mutex_);
    Block* newest = std::exchange(behind_full_, nullptr);
    if (Block* const current = behind_.current.exchange(nullptr, std::memory_order_acquire)) {
      current->next = newest;
      newest = current;
    }
    while (newest != nullptr) {
      Block* const older = std::exchange(newest->next, behind);
      behind = std::exchange(newest, older);
    }
  }
  // Current blocks first: every older block of their lanes is then in the list of full ones.
  Lane* const lanes = what == Collect::everything ? lanes_.load(std::memory_order_acquire) : nullptr;
  for (Lane* lane = lanes; lane != nullptr; lane = lane->next) {
    if (Block* const block = take_current(*lane)) blocks.push_back(block);
  }
  for (Block* block = full_.exchange(nullptr, std::memory_order_seq_cst); block != nullptr; block = block->next) {
    blocks.push_back(block);
  }
  std::sort(blocks.begin(), blocks.end(), [](const Block* left, const Block* right) {
    return left->lane != right->lane ? std::less<>{}(left->lane, right->lane) : left->sequence < right->sequence;
  });
  Block* first = behind;
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
    (*block)->next = first;
    first = *block;
  }
  return first;
}

void Queue::pass_on(Block& block) noexcept {
  block.rows -= 1;
  granted_.fetch_sub(1, std::memory_order_relaxed);
  released_.fetch_add(1, std::memory_order_release);
}

void Queue::release(Block* block) noexcept {
  granted_.fetch_sub(block->rows, std::memory_order_relaxed);
  released_.fetch_add(block->rows, std::memory_order_release);
  bytes_.fetch_sub(block->capacity, std::memory_order_relaxed);
  if (block->index_plus_one == 0) {
    std::free(block);
    return;
  }
  give(warm_, block->index_plus_one);
}

void Queue::trim(std::size_t keep) noexcept {
  // One place at a time, so that an app thread always finds the others.
  while (blocks_.load(std::memory_order_relaxed) * block_bytes_ > keep) {
    const std::uint32_t place = take(warm_);
    if (place == 0) return;
    std::free(std::exchange(places_[place - 1].block, nullptr));
    blocks_.fetch_sub(1, std::memory_order_relaxed);
    give(cold_, place);
  }
}

}  // namespace braintrust::pipeline
