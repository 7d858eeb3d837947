// Certificates is the table of what each arm's outputs depend on: declared by its router, and
// measured on the built model.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/report/record.hpp"
#include "analysis/runs/arms.hpp"

#include <vector>

namespace moesim {

// Returns one row per arm. `arms` point into `outcomes`; `records` describe the same runs in the
// same order.
Table certificates(const std::vector<Arm>& arms, const std::vector<Outcome>& outcomes,
                   const std::vector<Record>& records);

}  // namespace moesim
