#include "sim/moe/policies/sampled_choices.hpp"

#include "sim/ops/ops.hpp"

namespace moesim {

Indices sample_choices(const Tensor& logits, index k, const Context& context) {
  const index T = logits.rows(), E = logits.cols();
  Backend& backend = logits.backend();
  const Tensor l = logits.detach();
  const Tensor u = affine(context.uniform(Purpose::second_choice, {T, E}, backend), real(1 - 4e-7),
                          real(2e-7));  // in (0, 1)
  const Tensor gumbel = affine(log(affine(log(u), -1)), -1);
  const Tensor first = combine_rows(Tensor::full({T, 1}, real(1e6), backend), {},
                                    entries_of(top_k(l, 1), 1, E), T * E);
  return top_k(add(add(l, gumbel), first.reshape({T, E})), k);
}

}  // namespace moesim
