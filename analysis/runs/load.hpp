// Reads the runs of a table or a figure one after the other; only one run file is in memory at a
// time.
#pragma once

#include "analysis/runs/outcome.hpp"
#include "analysis/runs/read.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace moesim {

// Determines the status of a run from the path of its run file and the recorded status; a run that
// was killed still has "running" there.
using StatusOf = std::function<std::string(const std::string& path, const std::string& recorded)>;

struct Request {
  std::vector<std::string> paths;  // see find_runs
  bool all = false;                // also runs of earlier sweeps; see select_runs
  StatusOf status_of = {};         // empty: the recorded status
  // Called with a one-line reason for each file that cannot be read.
  std::function<void(const std::string& why)> on_unreadable = {};
  // Names of variables or attributes for Outcome::quantities; runs without one have no entry.
  std::vector<std::string> quantities = {};
};

struct Loaded {
  std::vector<Outcome> outcomes;
  std::vector<std::string> notes;       // runs that were left out, one sentence each
  std::vector<std::string> unreadable;  // reason for each unreadable file
};

// Called once for each readable run, with the index of its outcome.
using Visit = std::function<void(const Run& run, std::size_t outcome)>;

// Reads the variables that Outcome needs, and those of `more` for `visit`. Lists files that cannot
// be read. Throws Exit::data if no file can be read.
Loaded load_runs(const Request& request, const Excerpt& more = {}, const Visit& visit = {});

}  // namespace moesim
