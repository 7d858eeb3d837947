// Replaces the only CUB sort in use by a stable sort on the host, with the same calls, buffers and
// scratch memory. No code of CUB runs.
#pragma once

#include "cuda_runtime.h"
#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

namespace cub {

template <class T>
struct DoubleBuffer {
  DoubleBuffer(T* current, T* alternate) : d_buffers{current, alternate} {}
  T* Current() { return d_buffers[selector]; }
  T* Alternate() { return d_buffers[selector ^ 1]; }
  T* d_buffers[2];
  int selector = 0;
};

struct DeviceRadixSort {
  // With an odd number of passes over eight bits the sorted pairs end in the other buffers.
  template <class Key, class Value>
  static cudaError_t SortPairs(void* scratch, std::size_t& bytes, DoubleBuffer<Key>& keys,
                               DoubleBuffer<Value>& values, int n, int begin_bit, int end_bit,
                               cudaStream_t) {
    const std::size_t wanted = 256 + static_cast<std::size_t>(n) / 8;
    if (scratch == nullptr) return bytes = wanted, cudaSuccess;
    if (bytes < wanted || begin_bit < 0 || end_bit <= begin_bit ||
        static_cast<std::size_t>(end_bit) > 8 * sizeof(Key))
      emulation::stop("a sort by no bits, or with too little memory");
    Key *in = keys.Current(), *other = keys.Alternate();
    Value *in_values = values.Current(), *other_values = values.Alternate();
    const bool moves = (end_bit - begin_bit + 7) / 8 % 2 == 1;
    if (moves) keys.selector ^= 1, values.selector ^= 1;
    emulation::enqueue([=] {
      const auto digits = [=](Key key) {
        const Key low = key >> begin_bit;
        const auto width = static_cast<std::size_t>(end_bit - begin_bit);
        return width == 8 * sizeof(Key) ? low : low & ((Key{1} << width) - 1);
      };
      const auto size = static_cast<std::size_t>(n);
      const std::vector<Key> old_keys(in, in + n);
      const std::vector<Value> old_values(in_values, in_values + n);
      std::vector<std::size_t> order(size);
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return digits(old_keys[a]) < digits(old_keys[b]);
      });
      // All of them are CUB's to write over.
      std::memset(scratch, 0xff, bytes);
      std::memset(moves ? in : other, 0xff, size * sizeof(Key));
      std::memset(moves ? in_values : other_values, 0xff, size * sizeof(Value));
      for (std::size_t i = 0; i < size; ++i) {
        (moves ? other : in)[i] = old_keys[order[i]];
        (moves ? other_values : in_values)[i] = old_values[order[i]];
      }
    });
    return cudaSuccess;
  }
};

}  // namespace cub
