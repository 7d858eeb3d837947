#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/sort.hpp"

#include <cub/device/device_radix_sort.cuh>
#include <utility>

namespace moesim::cuda {

Pairs::Pairs(Backend& backend, index n)
    : backend_(backend),
      n_(n),
      keys_(backend.allocate(static_cast<std::size_t>(n) * sizeof(Key))),
      values_(backend.allocate(static_cast<std::size_t>(n) * sizeof(i32))),
      other_keys_(backend.allocate(keys_.bytes())),
      other_values_(backend.allocate(values_.bytes())) {
  keys = static_cast<Key*>(keys_.data());
  values = static_cast<i32*>(values_.data());
}

void Pairs::sort(const Queue& queue, int bits) {
  if (n_ < 2 || bits == 0) return;
  // Values are positions of pairs, so int suffices.
  const int n = static_cast<int>(n_);
  cub::DoubleBuffer<Key> key_buffers(keys, static_cast<Key*>(other_keys_.data()));
  cub::DoubleBuffer<i32> value_buffers(values, static_cast<i32*>(other_values_.data()));
  const auto sort_in = [&](void* scratch, std::size_t& bytes) {
    check(cub::DeviceRadixSort::SortPairs(scratch, bytes, key_buffers, value_buffers, n, 0, bits,
                                          queue),
          "sorting");
  };
  std::size_t bytes = 0;
  sort_in(nullptr, bytes);
  const Storage scratch = backend_.allocate(bytes);
  if (queue.trace != nullptr)
    queue.trace->add(keys, values, key_buffers.Alternate(), value_buffers.Alternate(),
                     scratch.data(), bytes, n, bits);
  sort_in(scratch.data(), bytes);
  if (key_buffers.Current() != keys) std::swap(keys_, other_keys_);
  if (value_buffers.Current() != values) std::swap(values_, other_values_);
  keys = key_buffers.Current(), values = value_buffers.Current();
}

int bits_for(index most) {
  int bits = 0;
  while (bits < 63 && (most >> bits) > 0) ++bits;
  return bits;
}

void bucket_offsets(const Queue& queue, const Key* sorted, index n, index buckets, i32* offset) {
  each(queue, buckets + 1, [=] __device__(index b) {
    index low = 0, high = n;  // the first position with a key >= b
    while (low < high) {
      const index middle = (low + high) / 2;
      if (sorted[middle] < static_cast<Key>(b))
        low = middle + 1;
      else
        high = middle;
    }
    offset[b] = static_cast<i32>(low);
  });
}

}  // namespace moesim::cuda
