// moesim run --dry-run: what a sweep will be and take, against what is there.
#pragma once

#include "experiments/sweep/plan.hpp"

#include <cstddef>
#include <string>

namespace moesim {

struct DryRun {
  bool force = false, json = false;
  std::size_t first = 0;  // runs of the sweep before those of the plan, with --only
  std::size_t at_once = 1;
  int threads = 0;
  double trial_seconds = 0;  // for each arm; 0: no estimates
};

// Prints the plan, and warns on stderr of what does not fit. `folder`: of the experiment.
void print_dry_run(const Plan& plan, const std::string& folder, const DryRun& options);

}  // namespace moesim
