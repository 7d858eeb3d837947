// Which folder of an experiment belongs to which run of a plan. A run is its resolved config, its
// data and its seed; the name of its folder begins with the label that it had when it was begun,
// and ends with eight hex digits of what it is.
#pragma once

#include "experiments/sweep/plan.hpp"

#include <string>
#include <vector>

namespace moesim {

// Gives every run of the plan the folder below `experiment` in which it was begun, if there is one.
// Of two that hold the same run it takes the one that is complete, or further on. Returns what is
// to be said about it, line by line: that there are two, or that a run was begun by another version
// whose options differ.
std::vector<std::string> match_folders(Plan& plan, const std::string& experiment);

}  // namespace moesim
