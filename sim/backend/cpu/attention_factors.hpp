// Defines the factors of attention's matrix products, in `real` or as pairs of bfloat16, and a
// thread's buffers for them.
//
// kTerms terms of a sum make an Element. A left factor is stored as rows of values, in which the
// terms of a sum are adjacent; for a right factor kTerms rows are joined, column by column.
#pragma once

#include "sim/backend/cpu/attention_parts.hpp"
#include "sim/backend/cpu/bf16_pairs.hpp"
#include "sim/backend/cpu/prefetch.hpp"
#include "sim/backend/cpu/transpose.hpp"

#include <cstddef>

namespace moesim::cpu::attention {

struct ExactFactors {
  using Value = real;
  using Element = real;
  static constexpr index kTerms = 1;
};

struct Bf16Factors {
  using Value = bf16;
  using Element = Bf16Pair;
  static constexpr index kTerms = 2;
};

// Number of elements for n terms.
template <class F>
constexpr index elements(index n) {
  return (n + F::kTerms - 1) / F::kTerms;
}

// Rows of values as a left factor.
template <class F>
const typename F::Element* as_left(const typename F::Value* values) {
  return reinterpret_cast<const typename F::Element*>(values);
}

// A right factor: pointer to its first row, and row stride.
template <class F>
struct Right {
  const typename F::Element* row(index i) const { return p + i / F::kTerms * ld; }
  const typename F::Element* p;
  index ld;
};

// Scratch holds a thread's buffers: matrices of scores, rows of q and dy of a block of queries, and
// the keys and values of a head in contiguous rows (as slices of qkv they would map to few cache
// sets).
template <class F>
struct Scratch {
  using Value = typename F::Value;
  using Element = typename F::Element;

  // memory null: only computes `bytes`.
  Scratch(const Attention& a, std::byte* memory)
      : d(a.head_size), width(elements<F>(d) * F::kTerms), memory_(memory) {
    place(scores, kScores);
    place(products, kScores);
    place(queries, width * kQueries);
    place(incoming, width * kQueries);
    place(keys, a.length * width);
    place(values, a.length * width);
    if constexpr (F::kTerms == 1) {  // weights replace scores; no rows are joined
      p_over_keys = p_over_queries = scores;
      ds_over_keys = ds_over_queries = products;
      joined_keys = keys, joined_values = values;
    } else {
      place(p_over_queries, kScores);
      place(ds_over_queries, kScores);
      place(p_over_keys, kScores / F::kTerms);
      ds_over_keys = p_over_keys;  // used in the other direction
      place(rows, kQueries * width);
      place(joined_queries, kQueries * d);
      place(joined_incoming, kQueries * d);
      place(joined_keys, elements<F>(a.length) * d);
      place(joined_values, elements<F>(a.length) * d);
    }
  }

  index d, width;                       // of rows: in values, and rounded up to whole elements
  real *scores, *products;              // [kKeys, kQueries]
  Element *p_over_keys, *ds_over_keys;  // weights of sums over keys: [elements(kKeys), kQueries]
  Value *p_over_queries, *ds_over_queries;  // and over queries: [kKeys, kQueries]
  Element *queries, *incoming;              // transposed, [elements(d), kQueries], 0 in the padding
  Value *keys, *values;                     // [length, width]
  Element *joined_keys, *joined_values;     // [elements(length), d]
  Value* rows = nullptr;                    // [kQueries, width]
  Element *joined_queries = nullptr, *joined_incoming = nullptr;  // [elements(kQueries), d]
  std::size_t bytes = 0;

 private:
  template <class T>
  void place(T*& p, index n) {
    p = memory_ ? reinterpret_cast<T*>(memory_ + bytes) : nullptr;
    bytes += (static_cast<std::size_t>(n) * sizeof(T) + 63) / 64 * 64;
  }
  std::byte* memory_;
};

template <class F>
void pack_rows(index n, index d, const real* from, index stride, typename F::Value* to) {
  if constexpr (F::kTerms > 1)
    round_rows(n, d, from, stride, to);
  else
    for (index i = 0; i < n; ++i) {
#pragma omp simd
      for (index c = 0; c < d; ++c) to[i * d + c] = from[i * stride + c];
    }
}

template <class F>
void pack_keys_and_values(const Attention& a, const Head& h, const Scratch<F>& s) {
  constexpr index kAhead = 12;
  for (index i = 0; i < a.length; ++i) {
    const real *k = a.qkv + h.k(i), *v = a.qkv + h.v(i);
    if (i + kAhead < a.length) {
      fetch(k + kAhead * h.stride, 1, h.d, h.stride);
      fetch(v + kAhead * h.stride, 1, h.d, h.stride);
    }
    pack_rows<F>(1, h.d, k, h.stride, s.keys + i * s.width);
    pack_rows<F>(1, h.d, v, h.stride, s.values + i * s.width);
  }
  if constexpr (F::kTerms > 1) {
    join_rows(a.length, h.d, s.keys, s.width, s.joined_keys);
    join_rows(a.length, h.d, s.values, s.width, s.joined_values);
  }
}

// Packs a block's rows of q or dy: transposed (times alpha if they are not rounded), and as a right
// factor, which is returned.
template <class F>
Right<F> pack_block(const Block& b, const Scratch<F>& s, real alpha, const real* from, index stride,
                    typename F::Element* transposed, typename F::Element* joined) {
  if constexpr (F::kTerms == 1) {
    for (index c = 0; c < s.d; ++c)
      for (index i = 0; i < b.n; ++i) transposed[c * kQueries + i] = alpha * from[i * stride + c];
  } else {
    pack_rows<F>(b.n, s.d, from, stride, s.rows);
    transpose(b.n, elements<F>(s.d), as_left<F>(s.rows), elements<F>(s.d), transposed, kQueries);
    join_rows(b.n, s.d, s.rows, s.width, joined);
  }
  for (index c = 0; c < elements<F>(s.d); ++c)
    std::fill(transposed + c * kQueries + b.n, transposed + c * kQueries + b.lanes,
              typename F::Element(0));
  if constexpr (F::kTerms == 1) return {from, stride};
  return {joined, s.d};
}

}  // namespace moesim::cpu::attention
