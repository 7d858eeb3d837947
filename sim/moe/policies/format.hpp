// Format is the number format of a router's values: float32, or values rounded to bfloat16.
#pragma once

#include "sim/config/options.hpp"
#include "sim/ops/elementwise.hpp"

namespace moesim {

class Format {
 public:
  // Reads the option `precision`.
  explicit Format(Options& options);
  bool rounded() const { return rounded_; }
  Tensor operator()(const Tensor& x) const { return rounded_ ? round_bfloat16(x) : x; }

 private:
  bool rounded_ = false;
};

}  // namespace moesim
