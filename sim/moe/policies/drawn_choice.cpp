#include "sim/moe/policies/drawn_choice.hpp"

#include "sim/config/text.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

Indices ones(index n, Backend& backend) {
  return map_indices({.shape = {n, 1, 1}, .base = 1}, backend);
}

// Piece j of n equal pieces of the rows.
Tensor piece(const Tensor& x, index j, index n) {
  const index rows = x.rows() / n;
  return gather_rows(
      x, map_indices({.shape = {rows, 1, 1}, .add = {1}, .base = j * rows}, x.backend()));
}

}  // namespace

DrawnChoice::DrawnChoice(Options& options) {
  first_ = options.choice("version", "2", {"1", "2"}, "of the estimator; 2: GRIN") == "1";
  jitter_ = options.number("jitter", 0.1, {0, 10},
                           "half the relative distance of candidates to the largest logit");
  options.explain(
      Topic::selection,
      fmt::format("training: an expert is drawn from p = softmax over the candidates, those "
                  "with (m - l_e) / max(|l_e|, m) ≤ {}, m: the largest logit",
                  config::shortest(2 * jitter_)));
  options.explain(Topic::evaluation, "the candidate of the largest logit is taken, without a draw");
  options.explain(Topic::gate,
                  first_ ? "g = p_s of the drawn expert, times h: 1 if it is the largest or "
                           "with probability 1/2, else 1/2"
                         : "g = p_s of the drawn expert, times h: 1 if it is the largest or "
                           "with probability 1/4, else 0.3333");
}

DrawnChoice::Drawn DrawnChoice::draw(const Tensor& logits, const Tensor& open, index round,
                                     index rounds, const Context& context) const {
  Backend& backend = logits.backend();
  const index T = logits.rows(), E = logits.cols();
  const Tensor shares = softmax(among_candidates(logits.detach(), open));  // [T, E]
  const Tensor p = shares.detach();
  const Indices best = entries_of(top_k(p, 1), 1, E);
  if (!context.training) return {shares, best, pick(shares, best)};

  // All rounds share one draw.
  const Tensor u =
      context.uniform(Purpose::second_choice, {rounds * T, E}, backend, real(1e-9), real(1 - 1e-7));
  const Tensor exponential = affine(log(piece(u, round, rounds)), -1);
  const Indices chosen = entries_of(top_k(sub(log(p), log(exponential)), 1), 1, E);
  const Tensor share = pick(shares, chosen);
  const Indices one = ones(T, backend), is_best = where_less(share, pick(p, best), {}, one);
  const Tensor v = context.uniform(Purpose::router_jitter, {rounds * T, 1}, backend);
  const Tensor q = Tensor::full({T, 1}, real(first_ ? 0.5 : 0.75), backend);
  const Indices full = where_less(q, piece(v, round, rounds), one, is_best);  // 1, or -1: b
  const double b = first_ ? 0.5 : 0.3333;
  const Tensor h =
      affine(to_real(full, {T}, 1), static_cast<real>((1 - b) / 2), static_cast<real>((1 + b) / 2));
  const Tensor slope = first_ ? affine(share, 2) : share;
  return {shares, chosen, add(slope, stop_gradient(sub(mul(share, h), slope)))};
}

// The open logits, far below all others where they are no candidates. No derivative for the choice.
Tensor DrawnChoice::among_candidates(const Tensor& l, const Tensor& open) const {
  const Tensor plain = open.detach();
  const Tensor m = pick(plain, entries_of(top_k(plain, 1), 1, l.cols()));  // [T]
  const Tensor size = add(relu(l), relu(affine(l, -1)));                   // |l|
  const Tensor scale = add_column(relu(sub_column(size, m)), m);           // max(|l|, m)
  const Tensor distance = div(affine(sub_column(l, m), -1), scale);
  const Tensor limit = Tensor::full(l.shape(), static_cast<real>(2 * jitter_), l.backend());
  const Indices far = where_less(limit, distance, ones(l.size(), l.backend()), {});  // 1, else -1
  constexpr real kHalf = real(-5e29);
  return add(open, affine(to_real(far, l.shape(), 1), kHalf, kHalf));
}

}  // namespace moesim
