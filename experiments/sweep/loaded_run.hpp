// Loads a run's model from one of its checkpoints: for inference, or as the source of another run.
#pragma once

#include "experiments/sweep/experiment.hpp"
#include "sim/checkpoint/checkpoint.hpp"

#include <functional>
#include <string>

namespace moesim {

struct LoadedRun {
  CheckpointInfo info;
  Experiment e;
  std::string weights_sha256;  // of its file of weights
};

// Names in errors for the folder of a run and the choice of its checkpoint.
struct RunNames {
  std::string folder = {};  // "init.from = "
  std::string checkpoint = "command line: --checkpoint";
};

// DataOf selects the data set of the model: the stored one of the checkpoint (no batches), or the
// run's data.
enum class DataOf { checkpoint, run };

// A run to load, its checkpoint (newest, best, or a step), and how its options are called.
struct Wanted {
  std::string folder, checkpoint;
  RunNames names = {};
  CheckpointParts parts = CheckpointParts::all;  // no_state: its weights alone are loaded
};

// Loads a checkpoint of a run. Skips damaged ones with a warning where another one qualifies.
// `require` throws for runs that the command cannot use. Throws Exit::usage or Exit::data.
LoadedRun load_run(const Wanted& wanted, DataOf data, int threads,
                   const std::function<void(const Experiment&)>& require);

// Throws Exit::usage for a run that cannot continue a text.
void require_causal(const std::string& folder, const Experiment& e);

// Builds a run, without memory for its parameters, for the first of its checkpoints that is intact
// and that `use` accepts.
LoadedRun open_run(const Wanted& wanted, DataOf data, int threads, MakeBackend make,
                   const std::function<void(const Checkpoint&, Experiment&)>& use);

}  // namespace moesim
