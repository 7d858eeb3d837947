// Choice kernels: top-k, capacity, histogram. Larger values first, ties to the lower index.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/sort.hpp"

namespace moesim {

using cuda::bits_for;
using cuda::each;
using cuda::falling;
using cuda::Key;
using cuda::kWarp;

// One warp per row. Each round finds the largest value after the last chosen one.
void CudaBackend::top_k(const real* x, i32* choice, index rows, index cols, index k) {
  cuda::each_warp(stream_, rows, [=] __device__(index r, int lane) {
    const real* row = x + r * cols;
    Key last = 0;
    index last_at = -1;
    for (index j = 0; j < k; ++j) {
      Key best = ~Key{0};
      index best_at = cols;
      for (index c = lane; c < cols; c += kWarp) {
        const Key key = falling(row[c]);
        const bool after = key > last || (key == last && c > last_at);
        if (after && (best_at == cols || key < best)) best = key, best_at = c;
      }
      for (int by = kWarp / 2; by > 0; by /= 2) {
        const Key key = __shfl_xor_sync(~0u, best, by);
        const index at = __shfl_xor_sync(~0u, best_at, by);
        if (at < cols && (best_at == cols || key < best || (key == best && at < best_at)))
          best = key, best_at = at;
      }
      last = best, last_at = best_at;
      if (lane == 0) choice[r * k + j] = static_cast<i32>(best_at);
    }
  });
}

// Sorts all values, then stably by (group, column), so that the best rows of every column come
// first.
void CudaBackend::top_k_rows(const real* x, i32* chosen, index groups, index rows, index cols,
                             index k) {
  const index n = groups * rows * cols, lines = groups * cols;
  if (n == 0 || k == 0) return;
  cuda::Pairs pairs(*this, n);
  each(stream_, n, [=, keys = pairs.keys, values = pairs.values] __device__(index i) {
    keys[i] = falling(x[i]);
    values[i] = static_cast<i32>(i);
  });
  pairs.sort(stream_, 8 * sizeof(Key));
  each(stream_, n, [=, keys = pairs.keys, values = pairs.values] __device__(index i) {
    const index at = values[i];
    keys[i] = static_cast<Key>(at / (rows * cols) * cols + at % cols);
  });
  pairs.sort(stream_, bits_for(lines - 1));
  each(stream_, lines * k, [=, values = pairs.values] __device__(index i) {
    chosen[i] = static_cast<i32>(values[i / k * rows + i % k] / cols % rows);
  });
}

// Ranks the choices in service order, sorts them stably by (group, expert), and keeps the first
// `capacity` of each.
void CudaBackend::fill_capacity(const Fill& f, i32* kept) {
  const index n = f.tokens * f.k, groups = f.group == 0 ? 0 : f.tokens / f.group;
  if (n == 0 || groups == 0) return;
  const i32* choice = f.choice;
  if (f.capacity == 0) {
    each(stream_, n, [=] __device__(index i) { kept[i] = choice[i] < 0 ? -1 : choice[i]; });
    return;
  }
  const index k = f.k, group = f.group, experts = f.experts, capacity = f.capacity;
  const Storage ranked_block = allocate(static_cast<std::size_t>(f.tokens) * sizeof(i32));
  auto* ranked =
      static_cast<i32*>(ranked_block.data());  // tokens of a group in service order
  if (f.order == Order::score) {
    top_k_rows(f.priority, ranked, groups, group, 1, group);
  } else {
    each(stream_, f.tokens, [=] __device__(index t) { ranked[t] = static_cast<i32>(t % group); });
  }
  const bool by_token = f.order == Order::token;
  const index buckets = groups * experts;
  const Storage offset_block = allocate(static_cast<std::size_t>(buckets + 1) * sizeof(i32));
  auto* offset = static_cast<i32*>(offset_block.data());
  cuda::Pairs pairs(*this, n);
  each(stream_, n, [=, keys = pairs.keys, values = pairs.values] __device__(index i) {
    const index g = i / (group * k), place = i % (group * k);
    const index rank = by_token ? place / k : place % group;
    const index j = by_token ? place % k : place / group;
    const index at = (g * group + ranked[g * group + rank]) * k + j;
    values[i] = static_cast<i32>(at);
    keys[i] = static_cast<Key>(choice[at] < 0 ? buckets : g * experts + choice[at]);
  });
  pairs.sort(stream_, bits_for(buckets));
  cuda::bucket_offsets(stream_, pairs.keys, n, buckets, offset);
  each(stream_, n, [=, keys = pairs.keys, values = pairs.values] __device__(index i) {
    const auto bucket = static_cast<index>(keys[i]);
    const bool room = bucket < buckets && i - offset[bucket] < capacity;
    kept[values[i]] = room ? choice[values[i]] : -1;
  });
}

void CudaBackend::histogram(const i32* key, index n, index buckets, i32* count) {
  zero(count, static_cast<std::size_t>(buckets) * sizeof(i32));
  each(stream_, n, [=] __device__(index i) {
    if (key[i] >= 0) atomicAdd(count + key[i], 1);
  });
}

}  // namespace moesim
