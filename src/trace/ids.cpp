#include "trace/ids.h"

#include <bit>
#include <random>

#include "trace/span_slot.h"

namespace braintrust {
namespace detail {
namespace {

// xoshiro256++ (Blackman and Vigna, public domain): four words of state, no allocation, no lock.
struct Generator {
  std::uint64_t state[4];
  unsigned epoch;

  void seed() {
    std::random_device device;
    for (std::uint64_t& word : state) word = std::uint64_t{device()} << 32 | device();
    state[0] |= 1;  // all zeros would stay all zeros
    epoch = process_epoch();
  }
  std::uint64_t next() noexcept {
    const std::uint64_t result = std::rotl(state[0] + state[3], 23) + state[0];
    const std::uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = std::rotl(state[3], 45);
    return result;
  }
};
constinit thread_local Generator generator = {};

Generator& seeded_generator() noexcept {
  Generator& own = generator;
  if (own.epoch != process_epoch()) [[unlikely]] {
    own.seed();
  }
  return own;
}

// Never zero, which means "none".
std::uint64_t next_word(Generator& own) noexcept {
  const std::uint64_t word = own.next();
  return word != 0 ? word : 1;
}

// A UUID of version 4.
RowId row_id(Generator& own) noexcept {
  constexpr std::uint64_t version = 0x4000, version_mask = 0xF000;
  constexpr std::uint64_t variant = 1ull << 63, variant_mask = 3ull << 62;
  return {(own.next() & ~version_mask) | version, (own.next() & ~variant_mask) | variant};
}

}  // namespace

SpanIds random_span_ids() noexcept {
  Generator own = seeded_generator();  // a copy, to stay in registers
  const SpanIds ids{row_id(own), {next_word(own)}, {next_word(own), next_word(own)}};
  generator = own;
  return ids;
}
RowId random_row_id() noexcept { return row_id(seeded_generator()); }

}  // namespace detail
}  // namespace braintrust
