// Noise randomises a router in training: a factor on its input (jitter), a term in its logits.
//
//   input x · U(1 - jitter, 1 + jitter)                       Fedus et al. 2022, section 2.2
//   h = l + σ ε, ε ~ N(0, 1),  σ = softplus(x W) + epsilon    learned: Shazeer et al. 2017, eq. 4
//                              σ = std / E                    gaussian: Riquelme et al. 2021
#pragma once

#include "sim/config/options.hpp"
#include "sim/moe/policies/format.hpp"
#include "sim/nn/context.hpp"

namespace moesim {

// Logits with noise, and its standard deviation; without noise the logits, and no deviation.
struct Noisy {
  Tensor logits, deviation;  // [T, E]
};

// Standard normal noise; Gumbel noise -log(-log u), of uniform draws kept away from 0 and 1.
Tensor normal_noise(const Context& context, const Shape& shape, Backend& backend);
Tensor gumbel_noise(const Context& context, const Shape& shape, Backend& backend);

class Noise {
 public:
  enum class Kind { none, learned, gaussian };

  // Reads `noise`, `noise_epsilon`, `noise_std` and `jitter`.
  explicit Noise(Options& options);

  Kind kind() const { return kind_; }
  Tensor jittered(const Tensor& x, const Context& context) const;
  // weight [D, E]: the W of learned noise; empty for other kinds.
  Noisy add_to(const Tensor& logits, const Tensor& input, const Tensor& weight,
               const Format& format, const Context& context) const;
  // Values kept for backward per token and expert: noise, deviation, noisy logits.
  double kept_values() const;

 private:
  Kind kind_ = Kind::none;
  double epsilon_ = 0, deviation_ = 0, jitter_ = 0;
};

}  // namespace moesim
