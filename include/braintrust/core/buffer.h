#pragma once

// `Buffer`: growing bytes whose memory stays with the thread that uses it.
//
// Made for text that is written and dropped a million times a second: a dropped buffer goes to a small store of its thread and
// the next one takes it from there, so in the steady state nothing is allocated and no allocator lock is touched.
//
// Threads: use from one at a time; a buffer may be moved to another thread (its memory then joins that thread's store).
// Errors: like every container, throws std::bad_alloc. Units: bytes.

#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

namespace braintrust::detail {

class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer taken(std::move(other));
    swap(taken);
    return *this;
  }
  Buffer(const Buffer& other) { append(other.view()); }
  Buffer& operator=(const Buffer& other) {
    if (this != &other) {
      size_ = 0;
      append(other.view());
    }
    return *this;
  }
  ~Buffer() {
    if (data_ != nullptr) give_back(data_, capacity_);
  }

  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  const char* data() const noexcept { return data_; }
  char* data() noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  bool empty() const noexcept { return size_ == 0; }
  std::string_view view() const noexcept { return {data_, size_}; }

  void clear() noexcept { size_ = 0; }
  void truncate(std::size_t size) noexcept { size_ = size; }

  // Room for `bytes` more; returns where they go. `advance` then says how many were written.
  char* reserve(std::size_t bytes) {
    if (capacity_ - size_ < bytes) grow(bytes);
    return data_ + size_;
  }
  void advance(std::size_t bytes) noexcept { size_ += bytes; }

  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void append(char byte) {
    *reserve(1) = byte;
    ++size_;
  }

 private:
  void grow(std::size_t bytes);
  void allocate(std::size_t bytes);
  static void give_back(char* data, std::size_t capacity) noexcept;

  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace braintrust::detail
