// Sweep is what one invocation of `moesim run` trains: a plan made from a config, or read from an
// earlier plan.json.
#pragma once

#include "experiments/sweep/plan.hpp"
#include "experiments/sweep/run_state.hpp"

#include <string>
#include <vector>

namespace moesim {

// Sweep is a plan and the folder of its experiment.
struct Sweep {
  Plan plan;
  std::string folder;  // of the experiment
  // Index of the plan's first run, and number of runs of the sweep: with --only the plan has one
  // run.
  std::size_t first = 0, total = 0;
  std::string swept = {};   // the keys in which its runs differ
  bool is_planned = false;  // true: made from a config in this invocation
  bool is_new = false;      // true: differs from the folder's plan.json and must be published
};

// Makes or reads the sweep; writes nothing. words: a config and key=value, or an experiment's
// folder or its plan.json. `arms`: arms to train; empty: all. `out`: the folder of all experiments.
// Catches stop signals (signals.hpp) while it plans and from then on. Throws Exit::usage, Exit::data or
// Exit::interrupted.
Sweep make_sweep(const std::vector<std::string>& words, const std::vector<ArmChoice>& arms,
                 const std::string& out, int threads);

// The states of its runs, in order.
std::vector<RunState> states_of(const Sweep& sweep);

// Both throw Unreadable if another version wrote one of the unfinished runs, or the plan to be
// replaced. Call them before anything is created.
void require_own(const Sweep& sweep, const std::vector<RunState>& before, bool force);
void require_own_plan(const Sweep& sweep);

// Writes plan.json if the sweep is new, with the runs of the replaced plan as earlier ones.
void publish_plan(Sweep& sweep);

// Prints on stderr how many runs of earlier sweeps are unfinished.
void mention_others(const Sweep& sweep);

}  // namespace moesim
