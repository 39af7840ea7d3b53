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

}  // namespace

void Buffer::grow(std::size_t bytes) {
  if (data_ == nullptr && store.count > 0 && store.kept[store.count - 1].capacity >= bytes) {
    const Kept kept = store.kept[--store.count];
    data_ = kept.data;
    capacity_ = kept.capacity;
    return;
  }
  const std::size_t wanted = std::max({smallest, size_ + bytes, capacity_ + capacity_ / 2 + capacity_ / 2});
  auto* data = static_cast<char*>(std::realloc(data_, wanted));
  if (data == nullptr) throw std::bad_alloc();
  data_ = data;
  capacity_ = wanted;
}

void Buffer::give_back(char* data, std::size_t capacity) noexcept {
  if (store.state == Store::fresh) {
    store.state = store_owner.armed ? Store::open : Store::closed;  // touching the owner arms its destructor
  }
  if (store.state == Store::open && store.count < most_kept && capacity <= largest_kept) {
    store.kept[store.count++] = {data, capacity};
  } else {
    std::free(data);
  }
}

}  // namespace braintrust::detail
