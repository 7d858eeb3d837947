// GroupLimit restricts a token's choices to its best groups of experts, so that they are on few
// devices (DeepSeek-AI 2024, "DeepSeek-V3", section 2.1.2).
//
//   group g of E / G consecutive experts:  S_g = sum of its `group_best` largest values
//   experts outside the `top_groups` groups with the largest S_g cannot be chosen
#pragma once

#include "sim/config/options.hpp"
#include "sim/core/tensor.hpp"

namespace moesim {

class GroupLimit {
 public:
  // Reads `groups`, `top_groups` and `group_best`, for a router with k of E experts per token.
  GroupLimit(Options& options, index k, index experts);

  index groups() const { return groups_; }
  // values [T, E], lowered far below all others in the other groups. No derivative.
  Tensor within(const Tensor& values) const;

 private:
  index groups_ = 1, top_ = 1, best_ = 1;
};

}  // namespace moesim
