// Reconstructs the config file of a whole sweep from the settings of its arms.
#pragma once

#include "analysis/report/record.hpp"
#include "analysis/runs/arms.hpp"

#include <string>
#include <vector>

namespace moesim {

// Returns a config with the shared settings, one [variant] per arm for its own settings, and the
// seeds; running it plans the same runs. Returns "" if one file cannot express them: arms with
// different seeds or data, seeds of an arm that differ in a setting without influence on results,
// or runs without a config. `arms` point into `outcomes`; `records` describe the same runs.
std::string sweep_config(const std::vector<Arm>& arms, const std::vector<Outcome>& outcomes,
                         const std::vector<Record>& records);

}  // namespace moesim
