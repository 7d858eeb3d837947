// Target is a loss, and what it takes runs to reach it.
#pragma once

#include "analysis/runs/arms.hpp"

#include <optional>
#include <string>

namespace moesim {

// The loss that `text` means, as RoutersOptions::target has it; none if it is empty and the
// baseline has no loss. Throws Exit::usage.
std::optional<double> target_of(const std::string& text, const Arm* baseline);

// What it took a run to reach a loss, by linear interpolation between evaluations; NaN where it
// did not.
double steps_to(const Outcome& run, double target);
double tokens_to(const Outcome& run, double target);
double seconds_to(const Outcome& run, double target);
double flops_to(const Outcome& run, double target);

}  // namespace moesim
