#include "sim/nn/layers.hpp"

#include "sim/ops/ops.hpp"

namespace moesim {

Norm::Norm(NormKind kind, index width, bool bias) : kind_(kind) {
  gain_ = parameter("gain", {width}, Init::constant(1), false);
  if (bias && kind == NormKind::layer) bias_ = parameter("bias", {width}, Init::constant(0), false);
}

Tensor Norm::forward(const Tensor& x) const {
  const Span span(Part::norms);
  return normalize(kind_, x, gain_, bias_);
}

LinearLayer::LinearLayer(index in, index out, bool bias, double deviation, Precision precision)
    : precision_(precision) {
  weight_ = parameter("weight", {in, out}, Init::normal(deviation));
  if (bias) bias_ = parameter("bias", {out}, Init::constant(0), false);
}

Tensor LinearLayer::forward(const Tensor& x, const Tensor& residual) const {
  return linear(x, weight_, bias_, Activation::none, precision_, residual);
}

}  // namespace moesim
