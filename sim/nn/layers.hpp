// Norm is layer norm or RMS norm as a module; LinearLayer is a linear layer as a module.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/nn/module.hpp"
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

struct Context;

// y = x W + b + residual (which may be empty). W [in, out].
class LinearLayer : public Module {
 public:
  LinearLayer(index in, index out, bool bias, double deviation = 0.02,
              Precision precision = Precision::full);
  // context: of the pass, for the adapter of W (adapter.hpp); null: without it.
  Tensor forward(const Tensor& x, const Tensor& residual = {},
                 const Context* context = nullptr) const;

 private:
  Tensor weight_, bias_;
  Precision precision_;
};

}  // namespace moesim
