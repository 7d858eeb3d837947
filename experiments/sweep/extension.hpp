// Implements --extend: a run in a new folder continues a finished one of fewer steps. It is bitwise
// equal to a run of its config from step 0, so the finished steps must have had the learning rates
// of its own schedule (sim/train/schedule.hpp). A constant schedule satisfies that; a cosine does
// with train.restarts at the step where the finished run ended.
#pragma once

#include "experiments/sweep/plan.hpp"

#include <string>
#include <vector>

namespace moesim {

// Beginning is the finished run that another one continues, for Checkpointer::go_on_from.
struct Beginning {
  std::string config_sha256;
  index steps = 0;
};
// Returns the run in `folder`. Throws Exit::data if a run with these resolved settings cannot
// continue it.
Beginning require_beginning(const std::string& folder, const std::string& resolved);

// Replans runs with train.restarts at the end of a finished run that differs only in run.steps, if
// their learning rates would differ otherwise. Seeds without a finished run get the restarts of
// their arm.
void restart_cosines(Plan& plan, const std::string& experiment, int threads);

// If `extend`, makes every run of the plan continue a finished one where possible. Returns notes
// about runs that have not begun: which ones continue, and which start at step 0 although a
// finished run exists. Throws Exit::usage if `extend` and there is no run to continue.
std::vector<std::string> extend_runs(Plan& plan, const std::string& experiment, bool extend);

}  // namespace moesim
