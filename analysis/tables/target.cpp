#include "analysis/tables/target.hpp"

#include "analysis/render/escape.hpp"
#include "sim/core/error.hpp"

#include <charconv>
#include <cmath>
#include <vector>

namespace moesim {
namespace {

double crossing(const Outcome& run, double target, double EvaluationPoint::*x) {
  std::vector<double> xs, losses;
  for (const EvaluationPoint& evaluation : run.evaluations) {
    if (std::isnan(evaluation.loss)) continue;
    xs.push_back(evaluation.*x);
    losses.push_back(evaluation.loss);
  }
  return first_crossing(xs, losses, target);
}

}  // namespace

double steps_to(const Outcome& run, double target) {
  return crossing(run, target, &EvaluationPoint::step);
}
double tokens_to(const Outcome& run, double target) {
  return crossing(run, target, &EvaluationPoint::tokens);
}
double seconds_to(const Outcome& run, double target) {
  return crossing(run, target, &EvaluationPoint::seconds);
}
double flops_to(const Outcome& run, double target) {
  return tokens_to(run, target) * run.flops_per_token;
}

std::optional<double> target_of(const std::string& text, const Arm* baseline) {
  if (text.empty()) {
    const double loss = baseline == nullptr ? std::nan("") : baseline->loss().mean;
    return std::isfinite(loss) ? std::optional(loss) : std::nullopt;
  }
  if (text == "baseline") {
    if (baseline == nullptr)
      fail(Exit::usage, "--target baseline: there is no baseline; name one by --baseline ARM");
    const double loss = baseline->loss().mean;
    if (!std::isfinite(loss))
      fail(Exit::usage, "--target baseline: no run of " + terminal_safe(baseline->name) +
                            " is complete, so its loss is not known");
    return loss;
  }
  double target = 0;
  const char* end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(text.data(), end, target);
  if (problem != std::errc() || rest != end || !std::isfinite(target))
    fail(Exit::usage,
         "--target " + terminal_safe(text) + ": expected a loss, such as 1.85, or baseline");
  return target;
}

}  // namespace moesim
