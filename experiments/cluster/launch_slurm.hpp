// Implements moesim run CONFIG --launcher slurm: submits a plan's runs and queries their states.
#pragma once

#include "experiments/cluster/slurm.hpp"
#include "experiments/sweep/plan.hpp"

#include <map>
#include <string>

namespace moesim {

// Submits the runs of the plan that are not finished, running or queued, and records the jobs in
// FOLDER/slurm, where `folder` is the experiment's. With `print_only` it prints the scripts and
// writes nothing. Without options.gres a task requests the GPUs that run.device needs. Throws like
// submit_to_slurm().
void launch_on_slurm(const Plan& plan, const std::string& folder, SlurmOptions options,
                     bool print_only);

// SlurmTask is the job of a run and its state.
struct SlurmTask {
  std::string job, state;  // "17", "PENDING"
};

// The tasks of an experiment's submitted runs, by the name of the run's folder; the latest job of
// each run. Empty without Slurm.
std::map<std::string, SlurmTask> slurm_tasks(const std::string& folder);

}  // namespace moesim
