// Are the devices that runs ask for on this machine?
#pragma once

#include "experiments/sweep/plan.hpp"

#include <string>
#include <vector>

namespace moesim {

// Why this machine cannot run on `device`, in one line; "" if it can. A child process tries: what a
// driver sets up does not survive a fork.
std::string why_missing(const std::string& device);

// Throws Exit::usage with that line for the first device that is missing.
void require_devices(const std::vector<PlannedRun>& runs);

}  // namespace moesim
