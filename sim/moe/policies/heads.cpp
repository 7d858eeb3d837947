#include "sim/moe/policies/heads.hpp"

#include "sim/nn/context.hpp"
#include "sim/nn/past.hpp"
#include "sim/nn/rotate.hpp"
#include "sim/ops/attention.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {

Tensor attend(const Tensor& qkv, const Tokens& tokens, const Heads& heads) {
  if (Past* const past = tokens.context.past; past != nullptr && heads.causal)
    return past->cache_of(heads.owner, heads.kv_heads > 0 ? heads.kv_heads : heads.heads)
        .attend(qkv, heads.heads, tokens.sequences);
  return attention(qkv, {tokens.batch(), tokens.length(), heads.heads, heads.causal});
}

Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Tokens& tokens,
              const Heads& heads) {
  const index T = q.rows(), width = q.cols();
  const Indices in_rows = map_indices({.shape = {T, 3, 1}, .add = {1, T}}, q.backend());
  const Tensor qkv = gather_rows(concat_rows({q, k, v}), in_rows).reshape({T, 3 * width});
  return attend(qkv, tokens, heads);
}

std::vector<double> load_of(const Indices& demand) {
  const std::vector<std::int32_t> counts = demand.to_host();
  return {counts.begin(), counts.end()};
}

double attention_flops(index width, index length, bool causal) {
  const auto S = static_cast<double>(length);
  return 4 * static_cast<double>(width) * (causal ? (S + 1) / 2 : S);
}

HeadPositions::HeadPositions(Options& o, index head_width, bool causal) : causal_(causal) {
  relative_ = o.choice("positions", "rotary", {"rotary", "relative"},
                       "rotary, or relative as in Transformer-XL (causal tasks)") == "relative";
  const double part =
      o.number("rotated", 0.5, {0, 1}, "part of a head that is rotated; 0: no positions");
  rotated_ = static_cast<index>(part * static_cast<double>(head_width)) / 2 * 2;
  base_ = o.number("rotary_base", 10000, {1, 1e9}, "base of the rotary frequencies");
  if (relative_ && !causal)
    o.reject("positions", "relative positions look back only; set rotary for this task");
}

Tensor HeadPositions::attend(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& w,
                             const Tokens& tokens, index heads) const {
  if (relative_) return attend_relative(q, k, v, w, tokens, heads);
  return moesim::attend(rotate(q, tokens, heads), rotate(k, tokens, heads), v, tokens,
                        {.owner = this, .heads = heads, .causal = causal_});
}

Tensor HeadPositions::rotate(const Tensor& x, const Tokens& tokens, index heads) const {
  return moesim::rotate(x, tokens.positions(),
                        {.heads = heads, .turned = heads, .rotated = rotated_, .base = base_});
}

Tensor HeadPositions::attend_relative(const Tensor& q, const Tensor& k, const Tensor& v,
                                      const Tensor& w, const Tokens& tokens, index heads) const {
  const index B = tokens.batch(), S = tokens.length(), d = q.cols() / heads, D = w.dim(0);
  Backend& backend = q.backend();
  std::vector<real> waves(static_cast<std::size_t>(S * D)), mask(static_cast<std::size_t>(S * S));
  for (index back = 0; back < S; ++back)  // pe(-back)
    for (index c = 0; c < D; ++c) {
      const double angle = -static_cast<double>(back) *
                           std::pow(1e4, -static_cast<double>(c - c % 2) / static_cast<double>(D));
      waves[static_cast<std::size_t>(back * D + c)] =
          static_cast<real>(c % 2 == 0 ? std::sin(angle) : std::cos(angle));
    }
  for (index i = 0; i < S; ++i)
    for (index j = i + 1; j < S; ++j) mask[static_cast<std::size_t>(i * S + j)] = real(-1e30);
  const auto by_head = [&](const Tensor& x) {  // [heads, rows, d]
    return swap_blocks(x, x.rows(), heads, d);
  };
  const Tensor qh = by_head(q);
  const auto sequences = [&](const Tensor& x) { return x.reshape({heads * B, S, d}); };
  const Tensor content = batched_matmul(sequences(qh), sequences(by_head(k)), {.b = true});
  const Tensor r = matmul(Tensor::of({S, D}, waves, backend), w);  // [S, heads·d]
  const Tensor by_distance =
      batched_matmul(qh.reshape({heads, B * S, d}), by_head(r).reshape({heads, S, d}), {.b = true});
  // Entry (i, j) is distance i - j; later j are masked.
  const Tensor place = pick(
      by_distance, map_indices({.shape = {heads * B, S, S}, .add = {S * S, S + 1, -1}}, backend));
  const Tensor scores = affine(add(content, place.reshape(content.shape())),
                               static_cast<real>(1 / std::sqrt(static_cast<double>(d))));
  const Tensor visible =
      add_row(scores.reshape({heads * B, S * S}), Tensor::of({S * S}, mask, backend));
  const Tensor weights = softmax(visible.reshape({heads * B, S, S}));
  const Tensor h = batched_matmul(weights, sequences(by_head(v)));
  return swap_blocks(h, heads, B * S, d).reshape({B * S, heads * d});
}

}  // namespace moesim
