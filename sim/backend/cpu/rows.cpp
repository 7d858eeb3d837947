// Row kernels: gather, combine, sort by key. Every output row is written by one tile, in a fixed
// order.
#include "sim/backend/cpu/cpu_backend.hpp"

#include <algorithm>
#include <cstring>

namespace moesim {

void CpuBackend::gather(const real* x, const i32* row, real* y, index n, index cols) {
  for_pieces(n, row_piece(cols), [&](index first, index last) {
    for (index i = first; i < last; ++i) {
      real* out = y + i * cols;
      if (row[i] < 0)
        std::fill(out, out + cols, real{0});
      else
        std::memcpy(out, x + row[i] * cols, static_cast<std::size_t>(cols) * sizeof(real));
    }
  });
}

void CpuBackend::sort_by_key(const i32* key, index n, index buckets, i32* offset, i32* order) {
  std::fill(offset, offset + buckets + 1, 0);
  for (index i = 0; i < n; ++i)
    if (key[i] >= 0) ++offset[key[i] + 1];
  for (index b = 0; b < buckets; ++b) offset[b + 1] += offset[b];
  // offset[b] is the cursor of bucket b and ends at the end of the bucket; the offsets are then
  // shifted back.
  for (index i = 0; i < n; ++i)
    if (key[i] >= 0) order[offset[key[i]]++] = static_cast<i32>(i);
  std::fill(order + (buckets > 0 ? offset[buckets - 1] : 0), order + n, -1);
  for (index b = buckets; b > 0; --b) offset[b] = offset[b - 1];
  offset[0] = 0;
}

void CpuBackend::combine(const real* u, const real* gate, const i32* offset, const i32* order,
                         real* y, bool acc, index tokens, index cols) {
  for_pieces(tokens, row_piece(cols), [&](index first, index last) {
    for (index t = first; t < last; ++t) {
      real* out = y + t * cols;
      bool fresh = !acc;
      for (i32 j = offset[t]; j < offset[t + 1]; ++j) {
        const real* in = u + order[j] * cols;
        const real g = gate ? gate[order[j]] : real{1};
        if (fresh) {
#pragma omp simd
          for (index c = 0; c < cols; ++c) out[c] = g * in[c];
          fresh = false;
        } else {
#pragma omp simd
          for (index c = 0; c < cols; ++c) out[c] += g * in[c];
        }
      }
      if (fresh) std::fill(out, out + cols, real{0});
    }
  });
}

void CpuBackend::combine_backward(const real* dy, const i32* token, const real* u, const real* gate,
                                  real* du, bool acc_u, real* dgate, bool acc_gate, index n,
                                  index cols) {
  for_pieces(n, row_piece(cols), [&](index first, index last) {
    for (index i = first; i < last; ++i) {
      if (token[i] < 0) {  // padding
        if (dgate && !acc_gate) dgate[i] = 0;
        if (du && !acc_u) std::fill(du + i * cols, du + (i + 1) * cols, real{0});
        continue;
      }
      const real* in = dy + token[i] * cols;
      if (dgate) {
        const real* row = u + i * cols;
        real sum = 0;
#pragma omp simd reduction(+ : sum)
        for (index c = 0; c < cols; ++c) sum += row[c] * in[c];
        dgate[i] = sum + (acc_gate ? dgate[i] : 0);
      }
      if (!du) continue;
      real* out = du + i * cols;
      const real g = gate ? gate[i] : real{1};
      if (acc_u) {
#pragma omp simd
        for (index c = 0; c < cols; ++c) out[c] += g * in[c];
      } else {
#pragma omp simd
        for (index c = 0; c < cols; ++c) out[c] = g * in[c];
      }
    }
  });
}

void CpuBackend::swap_blocks(const real* x, real* y, bool acc, index outer, index middle,
                             index inner) {
  for_pieces(outer * middle, row_piece(inner), [&](index first, index last) {
    for (index i = first; i < last; ++i) {
      const index a = i % outer, b = i / outer;  // output block (b, a)
      const real* in = x + (a * middle + b) * inner;
      real* out = y + i * inner;
      if (acc) {
#pragma omp simd
        for (index c = 0; c < inner; ++c) out[c] += in[c];
      } else {
        std::memcpy(out, in, static_cast<std::size_t>(inner) * sizeof(real));
      }
    }
  });
}

void CpuBackend::pick(const real* x, const i32* at, real* y, index n) {
  for_pieces(n, 1 << 14, [&](index first, index last) {
    for (index i = first; i < last; ++i) y[i] = at[i] < 0 ? real{0} : x[at[i]];
  });
}

void CpuBackend::unpick(const real* dy, const i32* at, real* dx, index n) {
  for (index i = 0; i < n; ++i)
    if (at[i] >= 0) dx[at[i]] += dy[i];
}

}  // namespace moesim
