// Lists the runs at a path: a run's folder, or an experiment's folder with its plan.
#pragma once

#include "experiments/sweep/run_state.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace moesim {

// KnownRun is a run found there.
struct KnownRun {
  std::string folder;  // path
  std::string arm;     // "" if unknown
  std::int64_t seed = -1;
  index steps = 0;       // of the whole run; 0 if unknown
  bool planned = false;  // planned by the experiment's latest sweep
  bool earlier = false;  // planned by an earlier sweep
};

// Returns the runs of the plan in its order, then those of earlier plans, then others in the
// folder. Throws Exit::data for a path without runs and for an unreadable plan; with `warn`, an
// unreadable plan is only a warning if there are other runs.
std::vector<KnownRun> known_runs(const std::string& path,
                                 const std::function<void(const std::string&)>& warn = {});

// The folders of the runs at these paths that have begun, each once.
std::vector<std::string> begun_runs(const std::vector<std::string>& paths);

// Returns "2 runs deeper are not listed: moesim COMMAND FOLDER...", for runs below these paths, up to
// three folders down, that known_runs does not list; "" if there are none. `listed`: the folders of
// the runs that are listed.
std::string deeper_note(const std::vector<std::string>& paths, const std::set<std::string>& listed,
                        const std::string& command);

// The last part of a run's folder, with or without a slash at its end: its arm, seed and hash.
std::string name_of_folder(const std::string& folder);

}  // namespace moesim
