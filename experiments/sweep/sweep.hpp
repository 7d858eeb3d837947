// A sweep as `moesim run` starts it: planned from a config, or read from the plan of an earlier
// start.
#pragma once

#include "experiments/sweep/plan.hpp"
#include "experiments/sweep/run_state.hpp"

#include <string>
#include <vector>

namespace moesim {

// What a start is to do, and the folder where it is done.
struct Sweep {
  Plan plan;
  std::string folder;  // of the experiment
  // With --only the plan has one run, which keeps its number among all of them.
  std::size_t first = 0, total = 0;
  std::string swept = {};   // the keys that all of its runs differ in
  bool is_planned = false;  // here, from a config
  bool is_new = false;      // not what the folder's plan says; to be published as that
};

// words: a config with key=value, or an experiment's folder or its plan.json. `arms`: those to
// keep; none: all. `out`: the folder of all experiments. Throws Exit::usage or Exit::data; nothing
// is created on disk.
Sweep make_sweep(const std::vector<std::string>& words, const std::vector<ArmChoice>& arms,
                 const std::string& out, int threads);

std::vector<RunState> states_of(const Sweep& sweep);

// Before anything is created. Throw Unreadable if one of the runs that are left, or the plan that
// is to be replaced, is of another version.
void require_own(const Sweep& sweep, const std::vector<RunState>& before, bool force);
void require_own_plan(const Sweep& sweep);

// Writes plan.json if the sweep is new. The runs of the plan that it replaces stay known.
void publish_plan(Sweep& sweep);

// Says on stderr how many runs earlier sweeps left unfinished.
void mention_others(const Sweep& sweep);

}  // namespace moesim
