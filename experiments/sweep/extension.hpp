// Extension is a run that goes on where a finished one of fewer steps ended, in a folder of its
// own. It is the run that its config describes, with the bits of one trained from step 0: the rates
// of the steps that are done must be those that its own schedule has (sim/train/schedule.hpp). A
// constant rate has them; a cosine has them with train.restarts where the finished run ended.
#pragma once

#include "experiments/sweep/plan.hpp"

#include <string>
#include <vector>

namespace moesim {

// A run that another one goes on from, for Checkpointer::go_on_from.
struct Beginning {
  std::string config_sha256;
  index steps = 0;
};
// Throws Exit::data if the run in that folder is not the beginning of one with these resolved
// settings.
Beginning require_beginning(const std::string& folder, const std::string& resolved);

// Plans runs anew with train.restarts where a finished one that differs in run.steps alone ended,
// if their rates would be others without; seeds that have none get those of their arm.
void restart_cosines(Plan& plan, const std::string& experiment, int threads);

// Makes every run of the plan go on from a finished one that is its beginning, if `extend`. Returns
// what is to be said of those that are not begun, line by line: which go on, and which start at
// step 0 beside finished ones. Throws Exit::usage if there is none to go on from.
std::vector<std::string> extend_runs(Plan& plan, const std::string& experiment, bool extend);

}  // namespace moesim
