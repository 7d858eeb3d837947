// arms_of_subject() returns the arms that `moesim explain` explains, for a config, a run, an
// experiment's folder or a router.
#pragma once

#include "experiments/sweep/plan.hpp"
#include "sim/config/sweep.hpp"

#include <string>
#include <vector>

namespace moesim {

// Returns the first run of every arm of the subject, built once, without reading or writing a
// checkpoint. word: a config file or study; the folder or a file of a run; the folder of an
// experiment or its plan.json; the name of one of `routers`, with the defaults of everything else;
// each with ":ARM" for one arm. Settings "key=value" change it; of a router, keys without a dot are
// its own. Throws Exit::usage or Exit::data.
std::vector<PlannedRun> arms_of_subject(const std::string& word,
                                        const std::vector<std::string>& settings,
                                        const std::vector<ArmChoice>& arms,
                                        const std::vector<std::string>& routers);

}  // namespace moesim
