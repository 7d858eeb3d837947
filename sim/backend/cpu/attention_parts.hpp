// Head and Block are the units of work of attention: a head of a sequence, and a block of queries
// or keys, with the range that the mask leaves visible.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/backend/kernel_arguments.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace moesim::cpu::attention {

// 48 is three vectors of 16, and 24 tiles of results fill the registers of AVX-512.
inline constexpr index kQueries = 48, kKeys = 256;
inline constexpr index kScores =
    kKeys * kQueries;  // a matrix of scores is stored as [kKeys, kQueries]
// A block of queries is padded with zeros to a multiple of this, so that no loop has a remainder.
inline constexpr index kLanes = 16;
// On the diagonal, products compute the visible entries of a row and at most this many masked ones.
inline constexpr index kStep = 16;
inline constexpr real kInfinity = std::numeric_limits<real>::infinity();

using Lane = std::array<real, kQueries>;  // one value per query of a block

// One head of one sequence. Rows of q, k, v are `stride` apart, rows of y and dy `width`.
struct Head {
  Head(const Attention& a, index item)
      : d(a.head_size),
        width(a.heads * d),
        stride(3 * width),
        heads(a.heads),
        row(item / heads * a.length),
        head(item % heads) {}
  index q(index i) const { return (row + i) * stride + head * d; }
  index k(index i) const { return q(i) + width; }
  index v(index i) const { return q(i) + 2 * width; }
  index y(index i) const { return (row + i) * width + head * d; }
  index lse(index i) const { return (row + i) * heads + head; }

  index d, width, stride, heads, row, head;
};

// Queries first .. first + n - 1.
struct Block {
  Block(const Attention& a, index at)
      : first(at),
        n(std::min(kQueries, a.length - at)),
        lanes((n + kLanes - 1) / kLanes * kLanes),
        causal(a.causal),
        keys(a.causal ? first + n : a.length),
        next(first + n),
        n_next(std::min(kQueries, a.length - next)) {}
  // Number of the keys key .. key + n - 1 that the queries before `query` of the block see.
  index visible_keys(index key, index n_keys, index query) const {
    return causal ? std::clamp<index>(first + query - key, 0, n_keys) : n_keys;
  }
  // The first query of the block that sees a key, rounded down to whole steps.
  index first_seeing(index key) const {
    return causal && key > first ? (key - first) / kStep * kStep : 0;
  }
  index first, n;
  index lanes;  // n, padded
  bool causal;
  index keys;          // number of keys that the block sees
  index next, n_next;  // the next block
};

}  // namespace moesim::cpu::attention
