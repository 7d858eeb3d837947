#include "sim/nn/layers.hpp"

#include "sim/nn/adapter.hpp"
#include "sim/nn/context.hpp"
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
  weight_ = matrix("weight", {in, out}, Init::normal(deviation));
  if (bias) bias_ = parameter("bias", {out}, Init::constant(0), false);
}

Tensor LinearLayer::forward(const Tensor& x, const Tensor& residual, const Context* context) const {
  const Adapter* adapter = context == nullptr ? nullptr : adapter_of(weight_, *context);
  if (adapter == nullptr) return linear(x, weight_, bias_, Activation::none, precision_, residual);
  const auto times = [&](const Tensor& rows, const Tensor& w) {
    return linear(rows, w.reshape({w.dim(1), w.dim(2)}), {}, Activation::none, precision_);
  };
  const Tensor dropped =
      adapter->drops(*context) ? dropout(x, adapter->dropout(), adapter->stream(*context)) : x;
  const Tensor y =
      adapter->forward(x, dropped, linear(x, weight_, bias_, Activation::none, precision_), times);
  return residual ? add(y, residual) : y;
}

}  // namespace moesim
