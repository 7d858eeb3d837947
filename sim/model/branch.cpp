#include "sim/model/branch.hpp"

#include "sim/core/error.hpp"
#include "sim/moe/choose.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

// y, or y + residual.
Tensor plus(const Tensor& y, const Tensor& residual) { return residual ? add(residual, y) : y; }

}  // namespace

Tensor AttentionBranch::forward(const Tokens& tokens, const Tensor& residual, std::vector<Loss>&) {
  if (Past* const past = tokens.context.past)
    return attention_.extend(tokens.x, tokens.sequences, residual, tokens.positions(), *past,
                             &tokens.context);
  if (tokens.batch() == 1 || tokens.sequences.each > 0)
    return attention_.forward(tokens.x, tokens.batch(), tokens.length(), residual, tokens.position,
                              &tokens.context);
  Backend& backend = tokens.x.backend();
  const Indices position = tokens.positions();
  const std::vector<std::int32_t> offset = tokens.sequences.offset.to_host();
  std::vector<Tensor> outputs;
  for (std::size_t s = 0; s + 1 < offset.size(); ++s) {
    const std::int32_t count = offset[s + 1] - offset[s];
    if (count == 0) continue;
    const Indices rows =
        map_indices({.shape = {count, 1, 1}, .add = {1}, .base = offset[s]}, backend);
    outputs.push_back(attention_.forward(gather_rows(tokens.x, rows), 1, count, {},
                                         look_up(position, rows), &tokens.context));
  }
  const Tensor y =
      outputs.empty() ? Tensor::zeros(tokens.x.shape(), backend) : concat_rows(outputs);
  return plus(y, residual);
}

Tensor FeedForwardBranch::forward(const Tokens& tokens, const Tensor& residual,
                                  std::vector<Loss>&) {
  return plus(network_->apply(dense_rows(tokens)), residual);
}

Tensor MoeBranch::forward(const Tokens& tokens, const Tensor& residual, std::vector<Loss>& losses) {
  return plus(layer_->forward(tokens, losses), residual);
}

double MoeBranch::flops_per_token(index) const {
  const Cost& cost = layer_->router().traits().cost;
  const Expert& expert = layer_->expert();
  const double routed = cost.rows_per_token * expert.flops_per_row() + cost.router_flops +
                        cost.merge_flops * static_cast<double>(expert.parameters_per_expert());
  return routed + layer_->latent_flops() +
         (layer_->shared() != nullptr ? layer_->shared()->flops_per_row() : 0);
}

}  // namespace moesim
