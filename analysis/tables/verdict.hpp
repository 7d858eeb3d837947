// Writes the verdict: the result of a comparison of arms in sentences.
#pragma once

#include "analysis/runs/arms.hpp"
#include "sim/core/types.hpp"

#include <string>
#include <vector>

namespace moesim {

// Margin of equivalence in nats per token: two arms are equivalent if the 95 % interval of their
// difference lies within it. It is half a percent of perplexity, less than published improvements
// of recipes. (Two one-sided tests at 5 % would use the 90 % interval; this is stricter.)
inline constexpr double kEquivalenceMargin = 0.005;

// Returns the sentences: the arm with the lowest loss and those tied with it; for every other arm,
// better or worse than the baseline by how much, equivalent, or not separable; arms that leak, have
// one seed, or have diverged. `baseline` is the name of an arm; empty: see baseline_of.
std::vector<std::string> verdict(const std::vector<Arm>& arms, const std::string& baseline);

// Returns only the sentences about differences between two arms. `baseline` may be null, or an arm
// outside `arms`, which is then compared as well. `chosen` is true if `arms` is a selection of the
// trained arms.
std::vector<std::string> separations(const std::vector<Arm>& arms, const Arm* baseline,
                                     bool chosen = false);

// Returns the sentences about the loss from position `from` on: for arms that look ahead only
// before it, how they compare with the baseline.
std::vector<std::string> separations_from(const std::vector<Arm>& arms, const Arm* baseline,
                                          index from);

}  // namespace moesim
