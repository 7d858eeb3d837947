// Format is the number format of a router's values: float32, or bfloat16 of which each is rounded.
#pragma once

#include "sim/config/options.hpp"
#include "sim/ops/elementwise.hpp"

namespace moesim {

class Format {
 public:
  // The option `precision`.
  explicit Format(Options& options);
  bool rounded() const { return rounded_; }
  Tensor operator()(const Tensor& x) const { return rounded_ ? round_bfloat16(x) : x; }

 private:
  bool rounded_ = false;
};

}  // namespace moesim
