#include "sim/moe/policies/loss_weights.hpp"

#include "sim/config/text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moesim {
namespace {

constexpr NumberRange kWeights{0, 1e6};

std::string rounded(double value) { return fmt::format("{:.4g}", value); }

}  // namespace

double read_balance_weight(Options& options, double otherwise, index k, index columns) {
  const double weight =
      options.number("balance_weight", otherwise, kWeights,
                     "weight of the load balance loss E/k Σ f P, which is 1 at balance");
  explain_balance(options, weight, k, columns);
  return weight;
}

double read_z_weight(Options& options, double otherwise, index columns) {
  const double weight =
      options.number("z_weight", otherwise, kWeights, "weight of the router z-loss");
  explain_z(options, weight, columns);
  return weight;
}

void explain_loss(const Options& options, const std::string& name, double weight,
                  const std::string& formula, const std::string& scope, const std::string& when,
                  double value) {
  if (weight == 0) return;
  options.explain(Topic::losses,
                  fmt::format("{}: {} · {}{}; {} it is {} and adds {} per MoE layer", name,
                              config::shortest(weight), formula, scope.empty() ? "" : "; " + scope,
                              when, rounded(value), rounded(weight * value)));
}

void explain_balance(const Options& options, double weight, index k, index columns,
                     const std::string& scope, const std::string& counted, double at_balance) {
  const std::string of = counted.empty() ? fmt::format("k = {} choices, before drops", k) : counted;
  explain_loss(options, "balance", weight,
               fmt::format("{} Σ_e f_e P_e; f_e: share of tokens with e among their {}, without "
                           "gradient; P_e: mean score of e, normalised per token",
                           k == 1 ? "E" : fmt::format("E/{}", k), of),
               scope,
               k == columns && counted.empty()
                   ? fmt::format("with k = E = {} every f_e is 1, so that there is no gradient: "
                                 "whatever the scores,",
                                 k)
                   : "at balance",
               at_balance);
}

void explain_z(const Options& options, double weight, index columns) {
  const double log = std::log(static_cast<double>(columns));
  explain_loss(options, "z", weight, "mean over tokens of (log Σ_e exp l_e)²", "",
               fmt::format("with all {} logits 0", columns), log * log);
}

}  // namespace moesim
