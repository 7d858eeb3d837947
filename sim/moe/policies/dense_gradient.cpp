#include "sim/moe/policies/dense_gradient.hpp"

#include "sim/moe/choose.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {

Assignment dense_gradient(const Indices& choice, const Tensor& gates, const Tensor& scores,
                          bool training) {
  const index T = scores.rows(), E = scores.cols(), k = choice.size() / T;
  if (!training) return assign(choice, choice, k, E, gates);
  Backend& backend = scores.backend();
  const Indices entries = entries_of(choice, k, E);                     // [T·k]
  const Tensor chosen = to_real(histogram(entries, T * E), {T, E}, 1);  // [T, E]
  const Indices first_gate = map_indices({.shape = {T, 1, 1}, .add = {k}}, backend);
  const Indices first_score = map_indices(entries, {.shape = {T, 1, 1}, .from = {k}});
  const Tensor factor = stop_gradient(div(pick(gates, first_gate), pick(scores, first_score)));
  const Tensor others = mul(affine(chosen, -1, 1), mul_column(scores, factor));  // [T, E]
  const Tensor own = combine_rows(gates.reshape({T * k, 1}), {}, entries, T * E).reshape({T, E});
  const Tensor weights = add(own, others);
  const Tensor gate = add(weights, stop_gradient(sub(own, weights)));
  return {.token = map_indices({.shape = {E, T, 1}, .add = {0, 1}}, backend),
          .experts = equal_segments(E, T, backend),
          .gate = swap_blocks(gate, T, E, 1).reshape({E * T})};
}

}  // namespace moesim
