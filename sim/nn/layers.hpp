// Norm, LinearLayer and SelfAttention are the standard modules of a transformer.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/nn/module.hpp"
#include "sim/ops/attention.hpp"
#include "sim/ops/linear.hpp"

namespace moesim {

class Norm : public Module {
 public:
  Norm(NormKind kind, index width, bool bias);
  Tensor forward(const Tensor& x) const;

 private:
  NormKind kind_;
  Tensor gain_, bias_;  // [D] each; bias may be empty
};

// y = x W + b + residual (which may be empty). W [in, out].
class LinearLayer : public Module {
 public:
  LinearLayer(index in, index out, bool bias, double deviation = 0.02,
              Precision precision = Precision::full);
  Tensor forward(const Tensor& x, const Tensor& residual = {}) const;

 private:
  Tensor weight_, bias_;
  Precision precision_;
};

// Multi-head self-attention (Vaswani et al. 2017) with fused query, key and value projections.
class SelfAttention : public Module {
 public:
  SelfAttention(index width, index heads, bool causal, bool rotary, bool bias, double output_scale);
  // Adds `residual`, if there is one. position [batch·length]: places of the tokens, for rotary;
  // empty: 0, 1, ...
  Tensor forward(const Tensor& x, index batch, index length, const Tensor& residual = {},
                 const Indices& position = {}) const;

 private:
  index heads_;
  bool causal_, rotary_;
  LinearLayer qkv_, output_;
};

}  // namespace moesim
