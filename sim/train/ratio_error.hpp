// RatioError is the standard error of a ratio of sums over a sample.
#pragma once

#include "sim/core/types.hpp"

namespace moesim {

// Standard error of R = Σ y / Σ x over n of N sequences, where each sequence adds a pair (y, x),
// here its summed loss and its number of targets (Cochran 1977, equation 6.4, with the finite
// population correction):
//   √((1 - n/N) · n / (n - 1) · Σ (y - R x)²) / Σ x
class RatioError {
 public:
  void add(double y, double x);
  // Adds the sums of other sequences.
  void add(const RatioError& others);
  double ratio() const { return y_ / x_; }
  double error(index population) const;
  index count() const { return n_; }

 private:
  index n_ = 0;
  double y_ = 0, x_ = 0, yy_ = 0, xy_ = 0, xx_ = 0;
};

}  // namespace moesim
