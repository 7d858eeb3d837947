// One run in its folder, from the start or from where an earlier process left it.
#pragma once

#include "experiments/sweep/plan.hpp"
#include "experiments/sweep/run_state.hpp"
#include "experiments/terminal/progress_line.hpp"
#include "sim/core/error.hpp"

#include <string>

namespace moesim {

// How a run ended: an exit code (sim/core/error.hpp) and one line.
struct Ending {
  Exit code = Exit::ok;
  std::string message;  // one line, "" for complete
};

// Is this the folder of a run that reached its end, and of this one? A run that diverged would do
// so again.
bool is_finished(const RunState& state, const PlannedRun& run);
// How it had ended.
Ending finished(const RunState& state);

struct Attempt {
  PlannedRun run;
  std::string folder;  // path
  std::string prefix;  // for progress: "[3/24] soft seed 1"
  int threads = 0;
  bool force = false;      // from the start, whatever is there
  std::string swept = {};  // the keys that the runs of the sweep differ in, with commas between
};

// Trains until the end or until a stop is requested (experiments/sweep/signals.hpp); holds the folder
// meanwhile. What went wrong is noted in the folder and returned, never thrown.
Ending train_run(const Attempt& attempt, const Show& show);

}  // namespace moesim
