// Target is a loss, and the cost at which an arm reaches it.
//
// A loss given by number is reached by an arm if every complete seed reaches it; a mean over only
// the seeds that reach it would be biased towards fast ones. About half of the baseline's own seeds
// miss its mean final loss, so for that target the mean curves over seeds are compared: one
// crossing per arm, without a deviation.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/arms.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace moesim {

struct Target {
  double loss = 0;
  bool by_mean_curve = false;  // else by seed
};

// Parses RoutersOptions::target. Empty or "baseline": the mean loss of the baseline, or the minimum
// of its mean curve if that is higher; nothing if `text` is empty and the baseline has no loss.
// Throws Exit::usage.
std::optional<Target> target_of(const std::string& text, const Arm* baseline);

// TargetCost is the unit in which training is counted.
enum class TargetCost { steps, tokens, flops, seconds };

// Returns the cost at which a run reaches a loss, by linear interpolation between evaluations; NaN
// if it does not.
double cost_to(const Outcome& run, TargetCost cost, double loss);
// Returns the cost of an arm: the mean over its complete seeds, NaN unless all reach the target; or
// the crossing of the mean curve, over the evaluations that all seeds have.
double cost_to(const Arm& arm, TargetCost cost, const Target& target);

// Returns the number of complete seeds that reach the loss.
std::size_t reached_by(const Arm& arm, double loss);

// Returns the baseline's cost over the arm's: mean and deviation over common seeds, or the ratio of
// the crossings of mean curves. Empty unless both reach the target.
Cell speedup_of(const Arm& arm, const Arm& baseline, TargetCost cost, const Target& target);

}  // namespace moesim
