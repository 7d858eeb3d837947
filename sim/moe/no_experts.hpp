// NoExperts is the expert bank of a router that sends no rows to experts (Cost::rows_per_token =
// 0), because its experts are its own parameters, such as the projections of routed attention.
#pragma once

#include "sim/core/error.hpp"
#include "sim/moe/expert.hpp"

namespace moesim {

class NoExperts : public Expert {
 public:
  using Expert::Expert;
  Tensor forward(const Rows&) const override {
    fail_in("experts", "the router declares no rows (traits_.cost.rows_per_token = 0)");
  }
  double flops_per_row() const override { return 0; }
  bool attends() const override { return true; }
};

}  // namespace moesim
