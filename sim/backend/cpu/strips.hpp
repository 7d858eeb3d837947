// Strips splits a reduction over an axis that is not the last one, [outer, n, inner > 1], into
// strips of columns: vector code runs across the columns, and one value per column is kept on the
// stack.
#pragma once

#include "sim/backend/backend.hpp"

#include <algorithm>
#include <array>

namespace moesim::cpu {

inline constexpr index kStrip = 64;
using Strip = std::array<real, kStrip>;

class Strips {
 public:
  explicit Strips(Along a) : a_(a), per_outer_((a.inner + kStrip - 1) / kStrip) {}
  index count() const { return a_.outer * per_outer_; }
  index values() const { return a_.n * std::min(a_.inner, kStrip); }  // of one strip, at most

  struct Place {
    index at;     // of the first value in [outer, n, inner]
    index line;   // the same in [outer, inner]
    index width;  // columns
  };
  Place operator[](index i) const {
    const index outer = i / per_outer_, column = i % per_outer_ * kStrip;
    return {outer * a_.n * a_.inner + column, outer * a_.inner + column,
            std::min(kStrip, a_.inner - column)};
  }

 private:
  Along a_;
  index per_outer_;
};

}  // namespace moesim::cpu
