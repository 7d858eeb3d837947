// Implements `moesim export PATH --to tensorboard`: writes runs as event files.
#pragma once

#include "experiments/commands/arguments.hpp"

namespace moesim {

// Adds --to, --follow and --interval.
void add_tensorboard_arguments(Arguments& arguments);
// Exports and returns the exit code. Throws Exit::usage for another --to, and for options of
// tables.
int export_to_tensorboard(const Arguments& arguments);

}  // namespace moesim
