// Assigns existing run folders of an experiment to the runs of a plan. A run is identified by its
// resolved config, data and seed. The name of its folder begins with the label that it had when it
// began and ends with eight hex digits of its identity.
#pragma once

#include "experiments/sweep/plan.hpp"

#include <string>
#include <vector>

namespace moesim {

// Sets the folder of every run of the plan that has begun in `experiment`. If two folders hold the
// same run, it takes the complete one, or the one with more steps. Returns notes: about such
// duplicates, and about runs begun by a version with other options.
std::vector<std::string> match_folders(Plan& plan, const std::string& experiment);

}  // namespace moesim
