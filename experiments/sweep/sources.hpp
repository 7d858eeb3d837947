// require_sources() checks the runs of which planned ones begin or learn.
#pragma once

#include "experiments/sweep/plan.hpp"

#include <vector>

namespace moesim {

// Checks in a child process, for runs that have not begun, that the runs of init.from and
// distil.teacher can be loaded and fit. Throws Exit::usage if they do not fit, Exit::data if they
// cannot be read. Refuses runs that moesim transform made, whose first weights are nowhere else;
// afresh: the runs discard what they have.
void require_sources(const std::vector<PlannedRun>& runs, bool afresh);

}  // namespace moesim
