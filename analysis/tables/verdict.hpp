// Verdict says in sentences what a comparison of arms has shown.
#pragma once

#include "analysis/runs/arms.hpp"

#include <string>
#include <vector>

namespace moesim {

// One sentence each, for every arm but the baseline: better or worse by how much, equivalent, or
// not separable; leaking arms are named and not judged. `baseline` is the name of an arm; empty:
// the arm "dense", else the first whose router is dense; if there is none, only the best arm and
// those that leak are named.
std::vector<std::string> verdict(const std::vector<Arm>& arms, const std::string& baseline);

}  // namespace moesim
