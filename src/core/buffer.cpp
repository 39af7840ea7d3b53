#include <braintrust/core/buffer.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace braintrust::detail {
namespace {

constexpr std::size_t smallest = 1024;
constexpr std::size_t largest_kept = 64 * 1024;
constexpr int most_kept = 24;

struct Kept {
  char* data;
  std::size_t capacity;
};

// Trivially destructible, so that it can still be used while a thread's other objects are destroyed.
struct Store {
  Kept kept[most_kept];
  int count;
  enum State : unsigned char { fresh, open, closed } state;
};
constinit thread_local Store store = {};

// Frees the store when the thread ends; buffers dropped after that go straight back to the allocator.
struct StoreOwner {
  bool armed = true;
  ~StoreOwner() {
    for (int i = 0; i < store.count; ++i) std::free(store.kept[i].data);
    store.count = 0;
    store.state = Store::closed;
  }
};
thread_local StoreOwner store_owner;

// A function of its own, so that the usual way saves no registers for it.
[[gnu::noinline]] void free_or_open_store(char* data, std::size_t capacity) noexcept {
  // Touching the owner arms its destructor.
  if (store.state != Store::fresh || !store_owner.armed || capacity > largest_kept) return std::free(data);
  store.state = Store::open;
  store.kept[store.count++] = {data, capacity};
}

}  // namespace

void Buffer::grow(std::size_t bytes) {
  if (data_ == nullptr && store.count > 0) [[likely]] {
    const Kept& kept = store.kept[store.count - 1];
    if (kept.capacity >= bytes) [[likely]] {
      data_ = kept.data;
      capacity_ = kept.capacity;
      --store.count;
      return;
    }
  }
  allocate(bytes);
}

// A function of its own, so that the usual way saves no registers for it.
void Buffer::allocate(std::size_t bytes) {
  const std::size_t wanted = std::max({smallest, size_ + bytes, capacity_ + capacity_ / 2 + capacity_ / 2});
  auto* data = static_cast<char*>(std::realloc(data_, wanted));
  if (data == nullptr) throw std::bad_alloc();
  data_ = data;
  capacity_ = wanted;
}

void Buffer::give_back(char* data, std::size_t capacity) noexcept {
  if (store.state == Store::open && store.count < most_kept && capacity <= largest_kept) [[likely]] {
    store.kept[store.count++] = {data, capacity};
    return;
  }
  free_or_open_store(data, capacity);
}

}  // namespace braintrust::detail
