// A sweep on a cluster: moesim run CONFIG --launcher slurm.
#pragma once

#include "experiments/plan.hpp"
#include "experiments/slurm.hpp"

#include <map>
#include <string>

namespace moesim {

// Submits the runs of the plan that are not finished, and notes the jobs in FOLDER/slurm (the
// experiment's); or prints the scripts and writes nothing. Throws as submit_to_slurm().
void launch_on_slurm(const Plan& plan, const std::string& folder, const SlurmOptions& options,
                     bool print_only);

// What Slurm says of the runs of an experiment that were submitted: "job 17: PENDING", by the name
// of the run's folder. Of several jobs the latest counts. Empty without Slurm.
std::map<std::string, std::string> slurm_status(const std::string& folder);

}  // namespace moesim
