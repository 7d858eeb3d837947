// Target is a loss, and what it takes an arm to reach it.
//
// A loss that is named is reached by an arm if every complete seed reaches it: the mean over those
// that do would be of the fast ones alone. The final loss of the baseline is missed by about half
// of its own seeds, so it is the mean curves over seeds that are compared at it: one crossing per
// arm, without a deviation.
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

// What `text` means, as RoutersOptions::target has it; none if it is empty and the baseline has no
// loss. Where no text names it, it is the mean loss of the baseline, or the lowest of its mean
// curve where that lies above. Throws Exit::usage.
std::optional<Target> target_of(const std::string& text, const Arm* baseline);

// What of training is counted.
enum class Cost { steps, tokens, flops, seconds };

// What it took a run to reach a loss, by linear interpolation between evaluations; NaN where it
// did not.
double cost_to(const Outcome& run, Cost cost, double loss);
// The same of an arm: the mean over its complete seeds, NaN unless all of them reach it; or where
// the mean curve does, over the evaluations that all of its seeds have.
double cost_to(const Arm& arm, Cost cost, const Target& target);

// How many complete seeds reach it.
std::size_t reached_by(const Arm& arm, double loss);

// How many times as much it takes the baseline: mean and deviation over the seeds that both have,
// or the ratio of the crossings of mean curves. Empty unless both reach it.
Cell speedup_of(const Arm& arm, const Arm& baseline, Cost cost, const Target& target);

}  // namespace moesim
