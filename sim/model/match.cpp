#include "sim/model/match.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moesim {
namespace {

constexpr index kWidest = 1 << 20;
constexpr double kWorst = 0.05, kForRoundNumber = 0.01;
constexpr index kRoundNumber = 8;

double measured(const Transformer& model, Match measure) {
  if (measure == Match::active_flops) return model.flops_per_token();
  if (measure == Match::active_parameters) return model.active_parameters();
  return static_cast<double>(count(model.parameters()));
}

}  // namespace

index matched_hidden(const ModelShape& shape, const Site& site, const Settings& settings,
                     Match measure) {
  Settings own = settings;
  own.set("adapter.kind", "none", "moe.match");  // else the width would not be that of the run
                                                 // whose matrices are adapted
  Settings dense = own;
  for (const auto& [key, value] : {std::pair("router.name", "dense"),
                                   {"moe.match", "none"},
                                   {"router.dense.width_factor", "1"},
                                   {"moe.shared", "0"},
                                   {"moe.latent", "0"}})
    dense.set(key, value, "moe.match");
  const double target = measured(Transformer(shape, site, dense), measure);
  // Relative distance from the target. It increases with the width.
  const auto excess = [&](index hidden) {
    return measured(Transformer(shape, site, own, hidden), measure) / target - 1;
  };
  if (excess(1) == excess(2))
    Options(own, "moe")
        .reject("match",
                "the size of the model does not depend on expert.hidden: the router runs no "
                "experts; set none");
  // Bisection for the smallest width that reaches the target.
  index below = 0, reaches = 1;
  while (reaches < kWidest && excess(reaches) < 0) below = reaches, reaches *= 2;
  while (reaches - below > 1) {
    const index middle = below + (reaches - below) / 2;
    (excess(middle) < 0 ? below : reaches) = middle;
  }
  const index best = below > 0 && -excess(below) < std::abs(excess(reaches)) ? below : reaches;
  const index round = (best + kRoundNumber / 2) / kRoundNumber * kRoundNumber;
  if (round > 0 && std::abs(excess(round)) <= kForRoundNumber) return round;
  if (const double rest = excess(best); std::abs(rest) > kWorst)
    Options(own, "moe")
        .reject("match",
                fmt::format("with experts of hidden width {} the model has {:+.0f} % of the dense "
                            "one's, and no width comes nearer; set a larger expert.hidden or fewer "
                            "experts",
                            best, 100 * rest));
  return best;
}

}  // namespace moesim
