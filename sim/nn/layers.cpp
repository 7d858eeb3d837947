#include "sim/nn/layers.hpp"

#include "sim/ops/ops.hpp"

#include <algorithm>

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

namespace {

// Rotary positions for rows with explicit positions: each row is placed at its position in an
// otherwise empty sequence.
Tensor rotary_at(const Tensor& qkv, AttentionShape shape, const Indices& position) {
  const std::vector<std::int32_t> places = position.to_host();
  std::int32_t longest = 1;
  for (const std::int32_t place : places) longest = std::max(longest, place + 1);
  std::vector<std::int32_t> row(places.size());
  for (std::size_t i = 0; i < row.size(); ++i)
    row[i] = static_cast<std::int32_t>(static_cast<index>(i) / shape.length) * longest + places[i];
  const Indices at = Indices::of(row, qkv.backend());
  const Tensor placed = combine_rows(qkv, {}, at, shape.batch * longest);
  shape.length = longest;
  return gather_rows(rotary(placed, shape), at);
}

}  // namespace

SelfAttention::SelfAttention(index width, index heads, bool causal, bool use_rotary, bool bias,
                             double output_scale)
    : heads_(heads),
      causal_(causal),
      rotary_(use_rotary),
      qkv_(width, 3 * width, bias, 0.02, Precision::compute),
      output_(width, width, bias, 0.02 * output_scale, Precision::compute) {
  child("qkv", qkv_);
  child("output", output_);
}

Tensor SelfAttention::forward(const Tensor& x, index batch, index length, const Tensor& residual,
                              const Indices& position) const {
  const Span span(Part::attention);
  const AttentionShape shape{batch, length, heads_, causal_};
  Tensor qkv = qkv_.forward(x);
  if (rotary_) qkv = position ? rotary_at(qkv, shape, position) : rotary(qkv, shape);
  return output_.forward(attention(qkv, shape), residual);
}

}  // namespace moesim
