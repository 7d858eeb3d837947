// Implements moesim run --dry-run: prints the runs of a sweep with estimates of time, memory and
// disk, and what is available.
#pragma once

#include "experiments/sweep/plan.hpp"

#include <cstddef>
#include <string>

namespace moesim {

// DryRun is the options of a dry run.
struct DryRun {
  bool force = false, json = false;
  std::size_t first = 0;  // with --only: index in the sweep of the plan's first run
  std::size_t at_once = 1;
  int threads = 0;
  double trial_seconds = 0;  // per arm; 0: no estimates
};

// Prints the plan; warns on stderr if memory or disk will not suffice. `folder` is the
// experiment's.
void print_dry_run(const Plan& plan, const std::string& folder, const DryRun& options);

}  // namespace moesim
