#include "sim/moe/policies/penalties.hpp"

#include "sim/moe/policies/loss_weights.hpp"

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
  explain_loss(options, "entropy", entropy_, "mean over tokens of -Σ_e p_e log p_e", "",
               "for tokens with one certain expert", 0);
  explain_loss(options, "marginal_entropy", marginal_, "Σ_e P_e log P_e, P: mean scores", "",
               "if all tokens go to one expert", 0);
  explain_loss(options, "orthogonal", orthogonal_,
               form_ == Orthogonality::gram ? "Σ_{e, f} |w_e · w_f - [e = f]|"
                                            : "mean over e, f of (cos(w_e, w_f) - [e = f])²",
               "w_e: columns of W", "for orthogonal columns of norm 1", 0);
  explain_loss(options, "weight", weight_, "mean over experts of ‖w_e‖²", "w_e: columns of W",
               "for W = 0", 0);
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
