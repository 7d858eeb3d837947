#include "sim/nn/self_attention.hpp"

#include "sim/ops/attention.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>

namespace moesim {
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

index kv_heads_of(const AttentionConfig& c) { return c.kv_heads > 0 ? c.kv_heads : c.heads; }
index head_width_of(const AttentionConfig& c) {
  return c.head_width > 0 ? c.head_width : c.width / c.heads;
}

}  // namespace

SelfAttention::SelfAttention(const AttentionConfig& c)
    : width_(c.width),
      heads_(c.heads),
      kv_heads_(kv_heads_of(c)),
      head_width_(head_width_of(c)),
      qk_norm_(c.qk_norm),
      causal_(c.causal),
      rotary_(c.rotary),
      qkv_(width_, (heads_ + 2 * kv_heads_) * head_width_, c.bias, 0.02, Precision::compute),
      output_(heads_ * head_width_, width_, c.bias, 0.02 * c.output_scale, Precision::compute) {
  child("qkv", qkv_);
  child("output", output_);
  if (qk_norm_ == QkNorm::none) return;
  const bool each = qk_norm_ == QkNorm::head;
  q_norm_ = std::make_unique<Norm>(NormKind::rms, each ? head_width_ : heads_ * head_width_, false);
  k_norm_ =
      std::make_unique<Norm>(NormKind::rms, each ? head_width_ : kv_heads_ * head_width_, false);
  child("q_norm", *q_norm_);
  child("k_norm", *k_norm_);
}

bool SelfAttention::is_plain() const { return kv_heads_ == heads_ && qk_norm_ == QkNorm::none; }

// Normalises queries and keys, and repeats keys and values for each head. [T, (H + 2 G) d] -> [T, 3
// H d]
Tensor SelfAttention::expanded(const Tensor& qkv) const {
  const index T = qkv.rows(), H = heads_, G = kv_heads_, d = head_width_, n = H + 2 * G;
  Backend& backend = qkv.backend();
  const Tensor rows = qkv.reshape({T * n, d});
  const auto normed = [&](const Tensor& x, const std::unique_ptr<Norm>& norm, index heads) {
    if (!norm) return x;
    const Shape whole{T, heads * d};
    return qk_norm_ == QkNorm::all ? norm->forward(x.reshape(whole)).reshape({T * heads, d})
                                   : norm->forward(x);
  };
  // Heads first, first + 1, ... of every token, each `copies` times. -> [T · heads · copies, d]
  const auto heads_from = [&](index first, index heads, index copies) {
    return gather_rows(
        rows, map_indices({.shape = {T, heads, copies}, .add = {n, 1}, .base = first}, backend));
  };
  const auto repeated = [&](const Tensor& x) {
    return G == H ? x
                  : gather_rows(x, map_indices({.shape = {T * G, H / G, 1}, .add = {1}}, backend));
  };
  const Tensor q = normed(heads_from(0, H, 1), q_norm_, H);
  const Tensor k =
      k_norm_ ? repeated(normed(heads_from(H, G, 1), k_norm_, G)) : heads_from(H, G, H / G);
  const Tensor v = heads_from(H + G, G, H / G);
  return swap_blocks(concat_rows({q, k, v}), 3, T, H * d).reshape({T, 3 * H * d});
}

Tensor SelfAttention::forward(const Tensor& x, index batch, index length, const Tensor& residual,
                              const Indices& position) const {
  const Span span(Part::attention);
  const AttentionShape shape{batch, length, heads_, causal_};
  Tensor qkv = qkv_.forward(x);
  if (!is_plain()) qkv = expanded(qkv);
  if (rotary_) qkv = position ? rotary_at(qkv, shape, position) : rotary(qkv, shape);
  return output_.forward(attention(qkv, shape), residual);
}

// Projections of queries, keys, values and output; scores and sums over visible keys.
double SelfAttention::flops_per_token(index length) const {
  const auto D = static_cast<double>(width_), S = static_cast<double>(length);
  const auto d = static_cast<double>(head_width_), H = static_cast<double>(heads_),
             G = static_cast<double>(kv_heads_);
  return 4 * D * (H + G) * d + 4 * H * d * (causal_ ? (S + 1) / 2 : S);
}

double SelfAttention::kept_values_per_token() const {
  const auto d = static_cast<double>(head_width_), H = static_cast<double>(heads_),
             G = static_cast<double>(kv_heads_);
  double values = 4 * H * d;
  if (q_norm_) values += (H + G) * d;  // before their norms
  return values;
}

}  // namespace moesim
