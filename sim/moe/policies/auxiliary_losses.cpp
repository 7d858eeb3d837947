#include "sim/moe/policies/auxiliary_losses.hpp"

#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

constexpr double kLarge = 1e6;

}  // namespace

AuxiliaryLosses::AuxiliaryLosses(Options& options, Noise::Kind noise, index k, index experts)
    : noise_(noise), k_(k) {
  balance_ = options.number("balance_weight", 0.01, {0, kLarge},
                            "weight of the load balance loss E/k Σ f P, which is 1 at balance");
  counted_ = options.choice("balance_counted", "all", {"all", "first"},
                            "f counts all choices, or the first") == "first"
                 ? Counted::first
                 : Counted::all;
  balance_kept_ = options.choice("balance_over", "chosen", {"chosen", "kept"},
                                 "f counts choices, or those that get a place (lucidrains' "
                                 "ST-MoE, FastMoE)") == "kept";
  scope_ = BalanceScope(options, "batch");
  importance_ = options.number("importance_weight", 0, {0, kLarge},
                               "weight of the importance loss: CV² of the experts' summed gates");
  load_ = options.number("load_weight", 0, {0, kLarge},
                         "weight of the load loss: CV² of the smooth load; requires noise");
  mixed_thresholds_ =
      options.choice("load_threshold", "logits", {"logits", "scores"},
                     "thresholds of the smooth load: noisy logits, or scores, with which the "
                     "logits are compared all the same (davidmrau)") == "scores";
  z_ = options.number("z_weight", 0, {0, kLarge}, "weight of the router z-loss");
  variance_ = options.choice("cv_variance", "population", {"population", "sample"},
                             "variance in CV²") == "sample"
                  ? Variance::sample
                  : Variance::population;
  device_losses_ = DeviceLosses(options, k, experts);
  penalties_ = Penalties(options);
  if (load_ > 0 && noise == Noise::Kind::none)
    options.reject("load_weight", "the load loss needs noise = learned or gaussian");
  if (load_ > 0 && k >= experts)
    options.reject("load_weight", "the load loss needs k < moe.experts");
  if (variance_ == Variance::sample && experts < 2)
    options.reject("cv_variance", "a sample variance needs two experts");
  explain(options, experts);
}

void AuxiliaryLosses::explain(const Options& options, index experts) const {
  const bool first = counted_ == Counted::first;
  const std::string counted = first
                                  ? std::string("first choice") +
                                        (balance_kept_ ? ", if it gets a place" : ", before drops")
                              : balance_kept_ ? fmt::format("k = {} choices that get a place", k_)
                                              : "";
  explain_balance(options, balance_, first ? 1 : k_, experts, scope_.text(), counted);
  const std::string variance =
      variance_ == Variance::sample ? "sample variance" : "population variance";
  explain_loss(options, "importance", importance_,
               "CV² over experts of Σ_t " +
                   std::string(noise_ == Noise::Kind::learned ? "g" : "p") + "[t, e]; " + variance,
               "", "at balance", 0);
  explain_loss(
      options, "load", load_,
      "CV² over experts of Σ_t Φ((l - threshold) / σ), the smooth load under redrawn noise; " +
          variance,
      "", "at balance", 0);
  explain_z(options, z_, experts);
}

void AuxiliaryLosses::declare(Traits& traits, index experts) const {
  if (balance_ == 0) return;
  traits.totals = scope_.totals(experts);
  traits.whole_step = scope_.whole_step();
}

std::vector<Loss> AuxiliaryLosses::of(const Decision& d, Group group, index sequences,
                                      const Context& context, std::vector<Tensor>& totals) const {
  std::vector<Loss> losses;
  const auto add = [&](const char* name, double weight, const Tensor& value) {
    losses.push_back({name, static_cast<real>(weight), value});
  };
  const bool fixed_noise = d.noisy.deviation && noise_ == Noise::Kind::gaussian;
  const Tensor clean = fixed_noise ? softmax(d.logits) : d.scores;
  const index groups = group == Group::batch ? 1 : sequences;
  if (balance_ > 0)
    add("balance", balance_,
        scope_.loss(d.primary ? mul_column(clean, d.primary) : clean,
                    balance_kept_ && d.kept ? d.kept : d.choice, k_, counted_, sequences, context,
                    totals));
  if (importance_ > 0) add("importance", importance_, importance(d, clean, groups));
  if (load_ > 0 && d.noisy.deviation)
    add("load", load_,
        load_loss(d.logits, d.noisy.logits, d.noisy.deviation, k_, variance_,
                  mixed_thresholds_ ? d.scores : Tensor()));
  if (z_ > 0) add("z", z_, z_loss(d.logits));
  device_losses_.add_to(losses, clean, d.choice);
  penalties_.add_to(losses, clean, d.weight);
  return losses;
}

// Shazeer et al. 2017 sum the gates over the batch; Riquelme et al. 2021 sum all scores, per group.
Tensor AuxiliaryLosses::importance(const Decision& d, const Tensor& clean, index groups) const {
  if (noise_ == Noise::Kind::learned)
    return importance_loss(at_experts(d.gates, d.choice, d.scores.cols()), 1, variance_);
  return importance_loss(clean, groups, variance_);
}

}  // namespace moesim
