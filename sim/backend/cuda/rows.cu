// Row kernels: gather, combine, sort by key. Every output value is written by one thread.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/pack.hpp"
#include "sim/backend/cuda/sort.hpp"

namespace moesim {

using cuda::each;
using cuda::each_in_rows;
using cuda::Key;
using cuda::put;

namespace {

template <int wide>
void gather_packs(const cuda::Queue& queue, const real* x, const i32* row, real* y, index n,
                  index across) {
  each_in_rows(queue, n, across, [=] __device__(index i, index c) {
    const i32 from = row[i];
    cuda::pack<wide>(y, i * across + c) =
        from < 0 ? cuda::Pack<wide>{} : cuda::pack<wide>(x, from * across + c);
  });
}

template <int wide>
void combine_packs(const cuda::Queue& queue, const real* u, const real* gate, const i32* offset,
                   const i32* order, real* y, bool acc, index tokens, index across) {
  each_in_rows(queue, tokens, across, [=] __device__(index t, index c) {
    cuda::Pack<wide> sum{};
    if (acc) sum = cuda::pack<wide>(y, t * across + c);
    const i32 end = offset[t + 1];
    for (i32 j = offset[t]; j < end; ++j) {
      const index row = order[j];
      const real by = gate != nullptr ? gate[row] : real(1);
      const cuda::Pack<wide> add = cuda::pack<wide>(u, row * across + c);
#pragma unroll
      for (int k = 0; k < wide; ++k) sum.v[k] += by * add.v[k];
    }
    cuda::pack<wide>(y, t * across + c) = sum;
  });
}

template <int wide>
void spread_packs(const cuda::Queue& queue, const real* dy, const i32* token, const real* gate,
                  real* du, bool acc, index n, index across) {
  each_in_rows(queue, n, across, [=] __device__(index i, index c) {
    const i32 from = token[i];
    cuda::Pack<wide> value{};
    if (from >= 0) {
      const real by = gate != nullptr ? gate[i] : real(1);
      value = cuda::pack<wide>(dy, from * across + c);
#pragma unroll
      for (int k = 0; k < wide; ++k) value.v[k] *= by;
    }
    cuda::Pack<wide>& to = cuda::pack<wide>(du, i * across + c);
    if (!acc) {
      to = value;
      return;
    }
#pragma unroll
    for (int k = 0; k < wide; ++k) to.v[k] += value.v[k];
  });
}

}  // namespace

void CudaBackend::gather(const real* x, const i32* row, real* y, index n, index cols) {
  cuda::with_packs(
      cols, [&](auto wide) { gather_packs<wide>(stream_, x, row, y, n, cols / wide); }, x, y);
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
  cuda::with_packs(
      cols,
      [&](auto wide) {
        combine_packs<wide>(stream_, u, gate, offset, order, y, acc, tokens, cols / wide);
      },
      u, y);
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
    cuda::with_packs(
        cols,
        [&](auto wide) {
          spread_packs<wide>(stream_, dy, token, gate, du, acc_u, n, cols / wide);
        },
        dy, du);
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
