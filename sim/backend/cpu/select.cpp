// Choice kernels: top-k, capacity, histogram. Larger values first, ties to the lower index, so that
// every choice is unique.
#include "sim/backend/cpu/cpu_backend.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace moesim {
namespace {

// The k largest of x[0 .. n), spaced by `stride`, best first, into `chosen`. NaN sorts last.
void largest(const real* x, index n, index stride, index k, i32* chosen,
             std::vector<i32>& scratch) {
  const auto before = [&](i32 a, i32 b) {
    const real va = x[a * stride], vb = x[b * stride];
    if (va > vb) return true;
    if (vb > va) return false;
    const bool nan_a = va != va, nan_b = vb != vb;
    return nan_a != nan_b ? nan_b : a < b;
  };
  if (k <= 4) {  // insertion into a short list beats sorting
    index have = 0;
    for (i32 i = 0; i < n; ++i) {
      if (have == k && !before(i, chosen[k - 1])) continue;
      index at = have < k ? have++ : k - 1;
      for (; at > 0 && before(i, chosen[at - 1]); --at) chosen[at] = chosen[at - 1];
      chosen[at] = i;
    }
    return;
  }
  scratch.resize(static_cast<std::size_t>(n));
  std::iota(scratch.begin(), scratch.end(), 0);
  if (k < n) std::nth_element(scratch.begin(), scratch.begin() + k, scratch.end(), before);
  std::sort(scratch.begin(), scratch.begin() + k, before);
  std::copy(scratch.begin(), scratch.begin() + k, chosen);
}

}  // namespace

void CpuBackend::top_k(const real* x, i32* choice, index rows, index cols, index k) {
  for_pieces(rows, row_piece(cols), [&](index first, index last) {
    std::vector<i32> scratch;
    for (index row = first; row < last; ++row)
      largest(x + row * cols, cols, 1, k, choice + row * k, scratch);
  });
}

void CpuBackend::top_k_rows(const real* x, i32* chosen, index groups, index rows, index cols,
                            index k) {
  for_tiles(groups * cols, [&](index item) {
    const index group = item / cols, col = item % cols;
    std::vector<i32> scratch;
    largest(x + group * rows * cols + col, rows, cols, k, chosen + item * k, scratch);
  });
}

void CpuBackend::fill_capacity(const Fill& f, i32* kept) {
  const index groups = f.group == 0 ? 0 : f.tokens / f.group;
  for_tiles(groups, [&](index g) {
    const index begin = g * f.group;
    std::vector<index> used(static_cast<std::size_t>(f.experts), 0);
    std::vector<i32> tokens(static_cast<std::size_t>(f.group));
    std::iota(tokens.begin(), tokens.end(), static_cast<i32>(begin));
    if (f.order == Order::score)
      std::stable_sort(tokens.begin(), tokens.end(),
                       [&](i32 a, i32 b) { return f.priority[a] > f.priority[b]; });
    const auto serve = [&](index at) {
      const i32 expert = f.choice[at];
      const bool room =
          expert >= 0 && (f.capacity == 0 || used[static_cast<std::size_t>(expert)]++ < f.capacity);
      kept[at] = room ? expert : -1;
    };
    if (f.order == Order::token) {
      for (const i32 token : tokens)
        for (index j = 0; j < f.k; ++j) serve(token * f.k + j);
    } else {
      for (index j = 0; j < f.k; ++j)
        for (const i32 token : tokens) serve(token * f.k + j);
    }
  });
}

void CpuBackend::histogram(const i32* key, index n, index buckets, i32* count) {
  std::fill(count, count + buckets, 0);
  for (index i = 0; i < n; ++i)
    if (key[i] >= 0) ++count[key[i]];
}

}  // namespace moesim
