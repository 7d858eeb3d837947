// Loads a run's model from one of its checkpoints: for inference, or as the beginning of another run.
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

// DataOf selects the data set of the model: the stored one of the checkpoint (no batches), or the
// run's data.
enum class DataOf { checkpoint, run };

// Loads the checkpoint `wanted` (newest, best, or a step) of the run in `folder`. Skips damaged
// checkpoints with a warning where another one qualifies. `require` throws for runs that the
// command cannot use. Throws Exit::usage or Exit::data.
LoadedRun load_run(const std::string& folder, const std::string& wanted, DataOf data, int threads,
                   const std::function<void(const Experiment&)>& require);

// Loads the weights that [init] names into a started trainer, if it names any. Experts that are made
// of dense networks (init.method = upcycle) are compared with the source on the validation
// sequences. Reports through `say`, and sets the attributes init_*, tokens_before and flops_before.
void take_start(Experiment& e, int threads, const std::function<void(const std::string&)>& say);

// Checks that the runs of init.from and distil.teacher can be loaded. Throws as take_start() and
// take_teacher() do, before anything of this run is discarded.
void require_sources(const Experiment& e, int threads);

// Gives the trainer its teacher, if [distil] names one; also to a resumed run. Sets the attributes
// teacher_*. Throws Exit::usage if the teacher was trained on another vocabulary, Exit::data if a
// resumed run had another one.
void take_teacher(Experiment& e, int threads, const std::function<void(const std::string&)>& say);

}  // namespace moesim
