// Declares and reads the options of moesim run that submit a sweep to Slurm.
#pragma once

#include "experiments/cluster/slurm.hpp"
#include "experiments/commands/arguments.hpp"

namespace moesim {

void declare_slurm(Arguments& arguments);

// True for --launcher slurm. Throws Exit::usage for another launcher than local and slurm, and for
// options of Slurm without it.
bool is_for_slurm(const Arguments& arguments);

SlurmOptions slurm_options(const Arguments& arguments);

}  // namespace moesim
