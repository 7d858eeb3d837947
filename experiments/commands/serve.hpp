// serve_bench() is moesim bench --serve RUN: the time of generation in batches, and the experts that
// it reads.
#pragma once

#include "experiments/commands/arguments.hpp"

namespace moesim {

// Adds the options of --serve.
void add_serve_arguments(Arguments& arguments);

// Refuses the options of training steps with --serve, and those of serving without it.
void check_serve_arguments(const Arguments& arguments);

// Measures the run that the arguments name, and prints. Returns an exit code.
int serve_bench(const Arguments& arguments);

}  // namespace moesim
