// Reads --task NAME: the task of a text, or of an extracted network. A task is a domain of the data.
#pragma once

#include "experiments/commands/arguments.hpp"
#include "experiments/sweep/experiment.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// The number of a task. Throws Exit::usage, with the nearest name, if the data have no such task.
index task_number(const std::string& name, const DatasetInfo& data);

// Declares --task for texts that a command is given.
void add_task_argument(Arguments& arguments);

// The number of the task of a text, once, if the model routes by tasks; else empty. Throws Exit::usage
// if the model needs a task and none is named, or the other way round.
std::vector<std::int32_t> task_of_text(const Arguments& arguments, const Experiment& e);

}  // namespace moesim
