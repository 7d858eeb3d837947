// Verdict says in sentences what a comparison of arms has shown.
#pragma once

#include "analysis/runs/arms.hpp"

#include <string>
#include <vector>

namespace moesim {

// Two arms are called equivalent if the 95 % interval of their difference lies within so many nats
// per token: half a percent of perplexity, which is less than what changes of a recipe are
// published for. (The usual two one-sided tests at 5 % take the 90 % interval; this is stricter.)
inline constexpr double kEquivalenceMargin = 0.005;

// One sentence each: which arm has the lowest loss and which are tied with it; for every other arm
// than the baseline, better or worse by how much, equivalent, or not separable; arms that leak,
// that have one seed, that have diverged. `baseline` is the name of an arm; empty: as baseline_of
// takes it.
std::vector<std::string> verdict(const std::vector<Arm>& arms, const std::string& baseline);

// Those of the sentences that are about the difference of two arms. `baseline` may be null, or an
// arm that is not among `arms`: it is then compared as well. `chosen` is true if
// `arms` is a selection of the arms that were trained.
std::vector<std::string> separations(const std::vector<Arm>& arms, const Arm* baseline,
                                     bool chosen = false);

}  // namespace moesim
