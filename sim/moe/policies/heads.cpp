#include "sim/moe/policies/heads.hpp"

#include "sim/ops/attention.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {

Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Tokens& tokens, index heads,
              bool causal) {
  const index T = q.rows(), width = q.cols();
  const Indices in_rows = map_indices({.shape = {T, 3, 1}, .add = {1, T}}, q.backend());
  const Tensor qkv = gather_rows(concat_rows({q, k, v}), in_rows).reshape({T, 3 * width});
  return attention(qkv, {tokens.batch(), tokens.length(), heads, causal});
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
  return moesim::attend(rotate(q, tokens, heads), rotate(k, tokens, heads), v, tokens, heads,
                        causal_);
}

// Pairs (i, i + rotated / 2) of the first values of every head.
Tensor HeadPositions::rotate(const Tensor& x, const Tokens& tokens, index heads) const {
  if (rotated_ == 0) return x;
  const index T = x.rows(), width = x.cols(), d = width / heads, half = rotated_ / 2;
  Backend& backend = x.backend();
  index places = 1;
  if (tokens.position)
    for (const std::int32_t p : tokens.position.to_host()) places = std::max<index>(places, p + 1);
  else
    places = tokens.length();
  std::vector<real> cosine(static_cast<std::size_t>(places * width), 1),
      sine(static_cast<std::size_t>(places * width), 0),
      turn(static_cast<std::size_t>(d * d), 0);  // x · turn: (-x₂, x₁) for each pair
  for (index i = 0; i < half; ++i) {
    turn[static_cast<std::size_t>((i + half) * d + i)] = -1;
    turn[static_cast<std::size_t>(i * d + i + half)] = 1;
    const double rate =
        std::pow(base_, -2 * static_cast<double>(i) / static_cast<double>(rotated_));
    for (index p = 0; p < places; ++p)
      for (index h = 0; h < heads; ++h)
        for (const index c : {i, i + half}) {
          const auto at = static_cast<std::size_t>(p * width + h * d + c);
          cosine[at] = static_cast<real>(std::cos(static_cast<double>(p) * rate));
          sine[at] = static_cast<real>(std::sin(static_cast<double>(p) * rate));
        }
  }
  const Indices position = tokens.positions();
  const auto table = [&](const std::vector<real>& values) {
    return gather_rows(Tensor::of({places, width}, values, backend), position);
  };
  const Tensor turned =
      matmul(x.reshape({T * heads, d}), Tensor::of({d, d}, turn, backend)).reshape({T, width});
  return add(mul(x, table(cosine)), mul(turned, table(sine)));
}

Tensor HeadPositions::attend_relative(const Tensor& q, const Tensor& k, const Tensor& v,
                                      const Tensor& w, const Tokens& tokens, index heads) const {
  const index B = tokens.batch(), S = tokens.length(), d = q.cols() / heads, D = w.dim(0);
  Backend& backend = q.backend();
  std::vector<real> waves(static_cast<std::size_t>(S * D)), mask(static_cast<std::size_t>(S * S));
  for (index back = 0; back < S; ++back)  // pe(-back)
    for (index c = 0; c < D; ++c) {
      const double angle = -static_cast<double>(back) *
                           std::pow(1e4, -static_cast<double>(c / 2 * 2) / static_cast<double>(D));
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
