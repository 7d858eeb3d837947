// A sweep on a cluster: moesim run CONFIG --launcher slurm.
#pragma once

#include "experiments/cluster/slurm.hpp"
#include "experiments/sweep/plan.hpp"

#include <map>
#include <string>

namespace moesim {

// Submits the runs of the plan that are neither finished nor running nor in the queue, and notes
// the jobs in FOLDER/slurm (the experiment's); or prints the scripts and writes nothing. Without
// options.gres a task asks for the cards that run.device needs. Throws as submit_to_slurm().
void launch_on_slurm(const Plan& plan, const std::string& folder, SlurmOptions options,
                     bool print_only);

struct SlurmTask {
  std::string job, state;  // "17", "PENDING"
};

// What Slurm says of the runs of an experiment that were submitted, by the name of the run's
// folder. Of several jobs the latest counts. Empty without Slurm.
std::map<std::string, SlurmTask> slurm_tasks(const std::string& folder);

}  // namespace moesim
