// Trains one run in its folder, from the start or from its newest checkpoint.
#pragma once

#include "experiments/sweep/data_cache.hpp"
#include "experiments/sweep/plan.hpp"
#include "experiments/sweep/run_state.hpp"
#include "experiments/terminal/progress_line.hpp"
#include "sim/core/error.hpp"

#include <memory>
#include <string>

namespace moesim {

// Ending is how a run ended: an exit code (sim/core/error.hpp) and one line.
struct Ending {
  Exit code = Exit::ok;
  std::string message;  // one line, "" for complete
};

// True if `state` is that of this run and it is complete or diverged. (A diverged run would diverge
// again.)
bool is_finished(const RunState& state, const PlannedRun& run);
// How a finished run had ended.
Ending finished(const RunState& state);

// Attempt is the parameters of train_run.
struct Attempt {
  PlannedRun run;
  std::string folder;  // path
  std::string prefix;  // for progress: "[3/24] soft seed 1"
  int threads = 0;
  bool force = false;      // discard existing results and start at step 0
  std::string swept = {};  // the keys in which the runs of the sweep differ, separated by commas
  index until = 0;         // trains this number of run.steps alone, and keeps a checkpoint; 0: all
  // Data sets that were read for several runs, before their processes began; none: it reads its own.
  std::shared_ptr<DataCache> data = {};
};

// Trains until the end or until a stop is requested (experiments/sweep/signals.hpp), holding the
// lock of the folder. Errors are written to a note in the folder and returned, never thrown.
Ending train_run(const Attempt& attempt, const Show& show);

}  // namespace moesim
