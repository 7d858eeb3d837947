#include "sim/nn/self_attention.hpp"

#include "sim/core/error.hpp"
#include "sim/nn/past.hpp"
#include "sim/nn/rotate.hpp"
#include "sim/ops/attention.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

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

// The head among H of queries, G of keys and G of values that each of 3 H heads reads. -> [3 H]
Indices SelfAttention::sources(Backend& backend) const {
  const index H = heads_, G = kv_heads_;
  const Indices own = map_indices({.shape = {3, H, 1}, .add = {0, 1}}, backend);
  const Indices shared = map_indices(
      own, {.shape = {3, H, 1}, .from = {H, 1}, .add = {G}, .divide = H / G, .base = H - G});
  const Tensor part = to_real(map_indices({.shape = {3, H, 1}, .add = {1}}, backend), {3 * H}, 1);
  return where_less(part, Tensor::full({3 * H}, real(0.5), backend), own, shared);
}

// Normalises queries and keys, and repeats keys and values for each head. [T, (H + 2 G) d] ->
// [T, 3 H d]
Tensor SelfAttention::expanded(const Tensor& qkv) const {
  const index T = qkv.rows(), H = heads_, G = kv_heads_, d = head_width_, n = H + 2 * G;
  Backend& backend = qkv.backend();
  Tensor rows = qkv.reshape({T * n, d});
  IndexMap at{.shape = {T, 3 * H, 1}, .from = {0, 1}, .add = {n}};
  if (q_norm_) {
    // Heads first, first + 1, ..., with all tokens of a head together. -> [heads · T, d]
    const auto heads_from = [&](index first, index heads, const std::unique_ptr<Norm>& norm) {
      if (norm && qk_norm_ == QkNorm::all) {
        const IndexMap by_token{.shape = {T, heads, 1}, .add = {n, 1}, .base = first};
        const Tensor x = gather_rows(rows, map_indices(by_token, backend));
        return swap_blocks(norm->forward(x.reshape({T, heads * d})), T, heads, d)
            .reshape({heads * T, d});
      }
      const IndexMap by_head{.shape = {heads, T, 1}, .add = {1, n}, .base = first};
      const Tensor x = gather_rows(rows, map_indices(by_head, backend));
      return norm ? norm->forward(x) : x;
    };
    rows = concat_rows(
        {heads_from(0, H, q_norm_), heads_from(H, G, k_norm_), heads_from(H + G, G, nullptr)});
    at.scale = T, at.add[0] = 1;
  }
  return gather_rows(rows, map_indices(sources(backend), at)).reshape({T, 3 * H * d});
}

Tensor SelfAttention::forward(const Tensor& x, index batch, index length, const Tensor& residual,
                              const Indices& position, const Context* context) const {
  const Span span(Part::attention);
  const AttentionShape shape{batch, length, heads_, causal_};
  Tensor qkv = projected(x, context);
  if (rotary_) qkv = position ? rotated(qkv, position) : rotary(qkv, shape);
  return output_.forward(attention(qkv, shape), residual, context);
}

Tensor SelfAttention::extend(const Tensor& x, const Segments& texts, const Tensor& residual,
                             const Indices& position, Past& past, const Context* context) const {
  const Span span(Part::attention);
  if (!causal_) fail_in("attention", "only causal attention extends a text");
  Tensor qkv = projected(x, context);
  if (rotary_) qkv = rotated(qkv, position);
  return output_.forward(past.cache_of(this, kv_heads_).attend(qkv, heads_, texts), residual,
                         context);
}

Tensor SelfAttention::projected(const Tensor& x, const Context* context) const {
  const Tensor qkv = qkv_.forward(x, {}, context);
  return is_plain() ? qkv : expanded(qkv);
}

// Queries and keys of rows with explicit positions, rotated.
Tensor SelfAttention::rotated(const Tensor& qkv, const Indices& position) const {
  return rotate(qkv, position,
                {.heads = 3 * heads_, .turned = 2 * heads_, .rotated = head_width_ / 2 * 2});
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
  double heads = 4 * H;
  if (!is_plain()) heads += H + 2 * G;              // the projection
  if (q_norm_) heads += 2 * (H + 2 * G) + (H + G);  // its parts, their norms, both together
  if (qk_norm_ == QkNorm::all) heads += H + G;      // in the other order
  return heads * d;
}

}  // namespace moesim
