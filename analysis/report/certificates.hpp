// Certificates say what the output of each arm may depend on: as its router declares, and as it was
// measured on the built model.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/report/record.hpp"
#include "analysis/runs/arms.hpp"

#include <vector>

namespace moesim {

// A row per arm. The arms are made of `outcomes`; `records` are of the same runs, in their order.
Table certificates(const std::vector<Arm>& arms, const std::vector<Outcome>& outcomes,
                   const std::vector<Record>& records);

}  // namespace moesim
