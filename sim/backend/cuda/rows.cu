// Row kernels: gather, combine, sort by key. Every output value is written by one thread.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/sort.hpp"

namespace moesim {

using cuda::each;
using cuda::each_in_rows;
using cuda::Key;
using cuda::put;

void CudaBackend::gather(const real* x, const i32* row, real* y, index n, index cols) {
  each_in_rows(stream_, n, cols, [=] __device__(index i, index c) {
    y[i * cols + c] = row[i] < 0 ? real(0) : x[row[i] * cols + c];
  });
}

void CudaBackend::sort_by_key(const i32* key, index n, index buckets, i32* offset, i32* order) {
  cuda::Pairs pairs(*this, n);
  each(stream_, n, [=, keys = pairs.keys, values = pairs.values] __device__(index i) {
    keys[i] = static_cast<Key>(key[i] < 0 ? buckets : key[i]);  // omitted entries sort last
    values[i] = static_cast<i32>(i);
  });
  pairs.sort(stream_, cuda::bits_for(buckets));
  cuda::bucket_offsets(stream_, pairs.keys, n, buckets, offset);
  each(stream_, n, [=, keys = pairs.keys, values = pairs.values] __device__(index i) {
    order[i] = keys[i] < static_cast<Key>(buckets) ? values[i] : -1;
  });
}

void CudaBackend::combine(const real* u, const real* gate, const i32* offset, const i32* order,
                          real* y, bool acc, index tokens, index cols) {
  each_in_rows(stream_, tokens, cols, [=] __device__(index t, index c) {
    real sum = acc ? y[t * cols + c] : real(0);
    for (i32 j = offset[t]; j < offset[t + 1]; ++j) {
      const index row = order[j];
      sum += (gate != nullptr ? gate[row] : real(1)) * u[row * cols + c];
    }
    y[t * cols + c] = sum;
  });
}

void CudaBackend::combine_backward(const real* dy, const i32* token, const real* u,
                                   const real* gate, real* du, bool acc_u, real* dgate,
                                   bool acc_gate, index n, index cols) {
  if (dgate != nullptr)
    cuda::each_warp(stream_, n, [=] __device__(index i, int lane) {
      real dot = 0;
      if (token[i] >= 0) {
        const real *row = u + i * cols, *in = dy + token[i] * cols;
        dot = cuda::lanes_sum<real>(cols, lane, [=](index c) { return row[c] * in[c]; });
      }
      if (lane == 0) put(dgate[i], acc_gate, dot);
    });
  if (du != nullptr)
    each_in_rows(stream_, n, cols, [=] __device__(index i, index c) {
      real value = 0;
      if (token[i] >= 0) value = (gate != nullptr ? gate[i] : real(1)) * dy[token[i] * cols + c];
      put(du[i * cols + c], acc_u, value);
    });
}

void CudaBackend::swap_blocks(const real* x, real* y, bool acc, index outer, index middle,
                              index inner) {
  each_in_rows(stream_, outer * middle, inner, [=] __device__(index i, index c) {
    const int a = int(i) % int(outer), b = int(i) / int(outer);  // output block (b, a)
    put(y[i * inner + c], acc, x[(index(a) * middle + b) * inner + c]);
  });
}

void CudaBackend::pick(const real* x, const i32* at, real* y, index n) {
  each(stream_, n, [=] __device__(index i) { y[i] = at[i] < 0 ? real(0) : x[at[i]]; });
}

// Sorts by destination; the first thread of a destination adds all its values in order.
void CudaBackend::unpick(const real* dy, const i32* at, real* dx, index n) {
  cuda::Pairs pairs(*this, n);
  constexpr Key kNone = 0xffffffffu;
  each(stream_, n, [=, keys = pairs.keys, values = pairs.values] __device__(index i) {
    keys[i] = at[i] < 0 ? kNone : static_cast<Key>(at[i]);
    values[i] = static_cast<i32>(i);
  });
  pairs.sort(stream_, 32);
  each(stream_, n, [=, keys = pairs.keys, values = pairs.values] __device__(index i) {
    if (keys[i] == kNone || (i > 0 && keys[i - 1] == keys[i])) return;
    real sum = dx[keys[i]];
    for (index j = i; j < n && keys[j] == keys[i]; ++j) sum += dy[values[j]];
    dx[keys[i]] = sum;
  });
}

}  // namespace moesim
