#include "analysis/tables/target.hpp"

#include "analysis/render/escape.hpp"
#include "analysis/statistics/sample.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <vector>

namespace moesim {
namespace {

double value_of(const EvaluationPoint& evaluation, TargetCost cost, double flops_per_token) {
  switch (cost) {
    case TargetCost::steps:
      return evaluation.step;
    case TargetCost::tokens:
      return evaluation.tokens;
    case TargetCost::flops:
      return evaluation.tokens * flops_per_token;
    case TargetCost::seconds:
      return evaluation.seconds;
  }
  return kNone;
}

// MeanCurve is the loss as a function of cost.
struct MeanCurve {
  std::vector<double> costs, losses;
};

MeanCurve curve_of(const Outcome& run, TargetCost cost) {
  MeanCurve curve;
  for (const EvaluationPoint& evaluation : run.evaluations) {
    if (std::isnan(evaluation.loss)) continue;
    curve.costs.push_back(value_of(evaluation, cost, run.flops_per_token));
    curve.losses.push_back(evaluation.loss);
  }
  return curve;
}

// Averages the complete runs that have a loss, at the steps that all of them have.
MeanCurve mean_curve_of(const Arm& arm, TargetCost cost) {
  std::map<double, MeanCurve> by_step;
  std::size_t runs = 0;
  for (const Outcome* run : arm.complete) {
    bool has_loss = false;
    for (const EvaluationPoint& evaluation : run->evaluations) {
      if (std::isnan(evaluation.loss) || std::isnan(evaluation.step)) continue;
      has_loss = true;
      MeanCurve& at = by_step[evaluation.step];
      at.costs.push_back(value_of(evaluation, cost, run->flops_per_token));
      at.losses.push_back(evaluation.loss);
    }
    runs += has_loss;
  }
  MeanCurve curve;
  for (const auto& [step, at] : by_step) {
    if (at.losses.size() != runs) continue;
    curve.costs.push_back(sample_of(at.costs).mean);
    curve.losses.push_back(sample_of(at.losses).mean);
  }
  return curve;
}

std::optional<Target> baseline_target(const Arm& baseline) {
  const double loss = baseline.loss().mean;
  if (!std::isfinite(loss)) return std::nullopt;
  const std::vector<double> losses = mean_curve_of(baseline, TargetCost::steps).losses;
  const auto lowest = std::min_element(losses.begin(), losses.end());
  return Target{lowest == losses.end() ? loss : std::max(loss, *lowest), true};
}

}  // namespace

double cost_to(const Outcome& run, TargetCost cost, double loss) {
  const MeanCurve curve = curve_of(run, cost);
  return first_crossing(curve.costs, curve.losses, loss);
}

double cost_to(const Arm& arm, TargetCost cost, const Target& target) {
  if (target.by_mean_curve) {
    const MeanCurve curve = mean_curve_of(arm, cost);
    return first_crossing(curve.costs, curve.losses, target.loss);
  }
  std::vector<double> costs;
  for (const Outcome* run : arm.complete) costs.push_back(cost_to(*run, cost, target.loss));
  return sample_of(costs).mean;  // NaN if any is NaN
}

std::size_t reached_by(const Arm& arm, double loss) {
  return values_of(arm.complete,
                   [&](const Outcome& run) { return cost_to(run, TargetCost::steps, loss); })
      .size();
}

Cell speedup_of(const Arm& arm, const Arm& baseline, TargetCost cost, const Target& target) {
  const double own = cost_to(arm, cost, target), theirs = cost_to(baseline, cost, target);
  if (target.by_mean_curve) return std::isfinite(theirs / own) ? Cell(theirs / own) : Cell();
  if (std::isnan(own) || std::isnan(theirs)) return {};
  const auto costs = [&](const Outcome& run) { return cost_to(run, cost, target.loss); };
  const BySeed of_baseline = by_seed(baseline, costs);
  std::vector<double> ratios;
  for (const auto& [seed, value] : by_seed(arm, costs))
    if (const auto pair = of_baseline.find(seed); pair != of_baseline.end())
      ratios.push_back(pair->second / value);
  const Sample sample = sample_of(ratios);
  return std::isfinite(sample.mean) ? Cell(sample) : Cell();
}

std::optional<Target> target_of(const std::string& text, const Arm* baseline) {
  if (text.empty()) return baseline == nullptr ? std::nullopt : baseline_target(*baseline);
  if (text == "baseline") {
    if (baseline == nullptr)
      fail(Exit::usage, "--target baseline: there is no baseline; name one by --baseline ARM");
    const std::optional<Target> target = baseline_target(*baseline);
    if (!target)
      fail(Exit::usage, "--target baseline: no run of " + terminal_safe(baseline->name) +
                            " is complete, so its loss is not known");
    return target;
  }
  double target = 0;
  const char* end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(text.data(), end, target);
  if (problem != std::errc() || rest != end || !std::isfinite(target))
    fail(Exit::usage,
         "--target " + terminal_safe(text) + ": expected a loss, such as 1.85, or baseline");
  return Target{target, false};
}

}  // namespace moesim
