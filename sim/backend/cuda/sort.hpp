// Pairs sorts pairs of a key and a number on the device, by CUB's radix sort, which is stable.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/backend/cuda/queue.hpp"

#include <bit>
#include <cstdint>
#include <type_traits>

namespace moesim::cuda {

// An unsigned integer with as many bits as `real`, for falling().
using Key = std::conditional_t<sizeof(real) == sizeof(float), std::uint32_t, std::uint64_t>;

// n keys with a value each, in memory of the pool.
class Pairs {
 public:
  Pairs(Backend& backend, index n);
  // Sorts by the lowest `bits` bits of the keys, stably. Keys and values move to other buffers.
  void sort(const Queue& queue, int bits);

  Key* keys;
  i32* values;

 private:
  Backend& backend_;
  index n_;
  Storage keys_, values_, other_keys_, other_values_;
};

// Number of bits that hold 0 .. most.
int bits_for(index most);

// offset[b] is the place of the first sorted key >= b, for b = 0 .. buckets: [buckets + 1].
void bucket_offsets(const Queue& queue, const Key* sorted, index n, index buckets, i32* offset);

// A key that orders values descending, NaN last, -0 as 0.
__device__ inline Key falling(real x) {
  constexpr Key kSign = Key{1} << (8 * sizeof(Key) - 1);
  if (x != x) return ~Key{0};
  const auto bits = std::bit_cast<Key>(x == 0 ? real(0) : x);
  return ~((bits & kSign) != 0 ? ~bits : bits | kSign);
}

}  // namespace moesim::cuda
