// FreeExperts are the choices of MoE++ that run no expert, numbered after the E experts: constant,
// copy, and zero experts.
//
//   constant  a_0 · x + a_1 · v, a = softmax(W_c x)      copy  x      zero  0
#pragma once

#include "sim/config/options.hpp"
#include "sim/moe/routing.hpp"

namespace moesim {

class FreeExperts {
 public:
  // Reads `constant_experts`, `copy_experts`, `zero_experts` and `tau`.
  FreeExperts(Options& options, index experts);

  index all() const { return experts_ + constants_ + copies_ + zeros_; }  // with the experts
  index constants() const { return constants_; }                          // C
  // All but zero experts.
  Indices that_add(const Indices& choice) const;

  // Their weights in a balance loss: 1 of experts, tau of others. [n]
  Tensor weights(Backend& backend) const;
  // Their mean: the balance loss of even choices.
  double mean_weight() const {
    return (static_cast<double>(experts_) + tau_ * static_cast<double>(all() - experts_)) /
           static_cast<double>(all());
  }

  // Adds what the chosen free experts give to the plan's bypass and addend, if they are fed
  // factor · x. gates [T, k], x [T, D], weight [C, 2, D] (W_c), value [C, D] (v).
  void add_to(Assignment& plan, const Tensor& gates, const Indices& choice, const Tensor& x,
              real factor, const Tensor& weight, const Tensor& value) const;

 private:
  index experts_, constants_ = 0, copies_ = 0, zeros_ = 0;
  double tau_ = 1;
};

}  // namespace moesim
