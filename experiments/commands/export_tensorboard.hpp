// Export of runs as event files for TensorBoard: `moesim export PATH --to tensorboard`.
#pragma once

#include "experiments/commands/arguments.hpp"

namespace moesim {

// Adds --to, --follow and --interval.
void add_tensorboard_arguments(Arguments& arguments);
// Returns the exit code. Throws Exit::usage for another --to, and for options of tables.
int export_to_tensorboard(const Arguments& arguments);

}  // namespace moesim
