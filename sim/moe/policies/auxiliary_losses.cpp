#include "sim/moe/policies/auxiliary_losses.hpp"

#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

constexpr double kLarge = 1e6;

// Scatters the gates [T, k] to their experts: [T, E], zeros elsewhere.
Tensor at_experts(const Tensor& gates, const Indices& choice, index E) {
  const index n = choice.size(), T = gates.rows(), k = gates.cols();
  return combine_rows(gates.reshape({n, 1}), {}, entries_of(choice, k, E), T * E).reshape({T, E});
}

}  // namespace

AuxiliaryLosses::AuxiliaryLosses(Options& options, Noise::Kind noise, index k, index experts)
    : noise_(noise), k_(k) {
  balance_ = options.number("balance_weight", 0.01, {0, kLarge},
                            "weight of the load balance loss E/k Σ f P, which is 1 at balance");
  counted_ = options.choice("balance_counted", "all", {"all", "first"},
                            "f counts all choices, or the first") == "first"
                 ? Counted::first
                 : Counted::all;
  balance_group_ = options.choice("balance_group", "batch", {"batch", "sequence"},
                                  "the loss over the batch, or per sequence") == "batch"
                       ? Group::batch
                       : Group::sequence;
  importance_ = options.number("importance_weight", 0, {0, kLarge},
                               "weight of the importance loss: CV² of the experts' summed gates");
  load_ = options.number("load_weight", 0, {0, kLarge},
                         "weight of the load loss: CV² of the smooth load; requires noise");
  z_ = options.number("z_weight", 0, {0, kLarge}, "weight of the router z-loss");
  variance_ = options.choice("cv_variance", "population", {"population", "sample"},
                             "variance in CV²") == "sample"
                  ? Variance::sample
                  : Variance::population;
  if (load_ > 0 && noise == Noise::Kind::none)
    options.reject("load_weight", "the load loss needs noise = learned or gaussian");
  if (load_ > 0 && k >= experts)
    options.reject("load_weight", "the load loss needs k < moe.experts");
  if (variance_ == Variance::sample && experts < 2)
    options.reject("cv_variance", "a sample variance needs two experts");
}

std::vector<Loss> AuxiliaryLosses::of(const Decision& d, Group group, index sequences) const {
  std::vector<Loss> losses;
  const auto add = [&](const char* name, double weight, const Tensor& value) {
    losses.push_back({name, static_cast<real>(weight), value});
  };
  const bool fixed_noise = d.noisy.deviation && noise_ == Noise::Kind::gaussian;
  const Tensor clean = fixed_noise ? softmax(d.logits) : d.scores;
  const auto groups_of = [&](Group of) { return of == Group::batch ? 1 : sequences; };
  if (balance_ > 0)
    add("balance", balance_,
        balance_loss(d.primary ? mul_column(clean, d.primary) : clean, d.choice, k_, counted_,
                     groups_of(balance_group_)));
  if (importance_ > 0) add("importance", importance_, importance(d, clean, groups_of(group)));
  if (load_ > 0 && d.noisy.deviation)
    add("load", load_, load_loss(d.logits, d.noisy.logits, d.noisy.deviation, k_, variance_));
  if (z_ > 0) add("z", z_, z_loss(d.logits));
  return losses;
}

// Shazeer et al. 2017 sum the gates over the batch; Riquelme et al. 2021 sum all scores, per group.
Tensor AuxiliaryLosses::importance(const Decision& d, const Tensor& clean, index groups) const {
  if (noise_ == Noise::Kind::learned)
    return importance_loss(at_experts(d.gates, d.choice, d.scores.cols()), 1, variance_);
  return importance_loss(clean, groups, variance_);
}

}  // namespace moesim
