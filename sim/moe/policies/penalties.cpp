#include "sim/moe/policies/penalties.hpp"

namespace moesim {
namespace {

constexpr double kMostPenalty = 1e6;

}  // namespace

Penalties::Penalties(Options& options) {
  entropy_ = options.number("entropy_weight", 0, {-kMostPenalty, kMostPenalty},
                            "weight of the mean entropy of a token's scores; below 0 it is raised");
  marginal_ = options.number("marginal_entropy_weight", 0, {0, kMostPenalty},
                             "weight of minus the entropy of the mean scores (LIMoE)");
  orthogonal_ = options.number("orthogonal_weight", 0, {0, kMostPenalty},
                               "weight of the loss on router weights that are not orthogonal");
  form_ = options.choice("orthogonal", "cosine", {"cosine", "gram"},
                         "that loss: mean squared cosines (ERNIE 4.5), or the 1-norm of WᵀW - I "
                         "(SimBal)") == "gram"
              ? Orthogonality::gram
              : Orthogonality::cosine;
  weight_ = options.number("weight_penalty", 0, {0, kMostPenalty},
                           "weight of the mean squared norm of the experts' router weights");
}

void Penalties::add_to(std::vector<Loss>& losses, const Tensor& scores,
                       const Tensor& weight) const {
  const auto add = [&](const char* name, double factor, const Tensor& value) {
    losses.push_back({name, static_cast<real>(factor), value});
  };
  if (entropy_ != 0) add("entropy", entropy_, entropy_loss(scores));
  if (marginal_ > 0) add("marginal_entropy", marginal_, marginal_entropy_loss(scores));
  if (orthogonal_ > 0) add("orthogonal", orthogonal_, orthogonality_loss(weight, form_));
  if (weight_ > 0) add("weight", weight_, weight_loss(weight));
}

}  // namespace moesim
