// A run's model with the values of one of its checkpoints, for commands that use it.
#pragma once

#include "experiments/sweep/experiment.hpp"
#include "sim/checkpoint/checkpoint.hpp"

#include <functional>
#include <string>

namespace moesim {

struct LoadedRun {
  CheckpointInfo info;
  Experiment e;
};

// What the model is used on: what the checkpoint holds of the data, or the data itself.
enum class DataOf { checkpoint, run };

// The checkpoint that is `wanted` (newest, best, or a step) of the run in a folder. Of several,
// one that is damaged gives way to the next, with a warning. `require` throws for runs that are of
// no use. Throws Exit::usage or Exit::data.
LoadedRun load_run(const std::string& folder, const std::string& wanted, DataOf data, int threads,
                   const std::function<void(const Experiment&)>& require);

}  // namespace moesim
