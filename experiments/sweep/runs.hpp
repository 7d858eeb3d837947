// The runs that a path names: a run's folder, or an experiment's folder with its plan.
#pragma once

#include "experiments/sweep/run_state.hpp"

#include <functional>
#include <string>
#include <vector>

namespace moesim {

struct KnownRun {
  std::string folder;  // path
  std::string arm;     // "" if no plan tells
  std::int64_t seed = -1;
  index steps = 0;       // in all; 0 if unknown
  bool planned = false;  // by the experiment's latest sweep
  bool earlier = false;  // by an earlier one, as its plan tells
};

// Those of the plan first, in its order, then those of earlier plans, then others that the folder
// holds. Throws Exit::data for a
// path that names none, and for a plan that cannot be read; if there is a `warn`, it hears of that
// plan instead, as long as there are other runs.
std::vector<KnownRun> known_runs(const std::string& path,
                                 const std::function<void(const std::string&)>& warn = {});

}  // namespace moesim
