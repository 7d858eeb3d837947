// A config file of a whole sweep, made from the settings of its arms.
#pragma once

#include "analysis/report/record.hpp"
#include "analysis/runs/arms.hpp"

#include <string>
#include <vector>

namespace moesim {

// What the runs have in common, a [variant] for each arm of what it has of its own, and the seeds.
// It plans the runs that the arms are made of. "" where one file cannot: arms of different seeds or
// data, seeds of an arm that differ in a setting that changes no result, runs without a config. The
// arms are made of `outcomes`; `records` are of the same runs.
std::string sweep_config(const std::vector<Arm>& arms, const std::vector<Outcome>& outcomes,
                         const std::vector<Record>& records);

}  // namespace moesim
