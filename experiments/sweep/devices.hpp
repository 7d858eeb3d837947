// Checks that the devices of runs exist on this machine.
#pragma once

#include "experiments/sweep/plan.hpp"

#include <string>
#include <vector>

namespace moesim {

// Why this machine cannot run on `device`, in one line; "" if it can. A child process tries it,
// because a driver that is initialised here would not survive later forks.
std::string why_missing(const std::string& device);

// Throws Exit::usage with that line for the first device that is missing.
void require_devices(const std::vector<PlannedRun>& runs);

}  // namespace moesim
