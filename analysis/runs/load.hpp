// Reads the runs of a table or a figure, one after the other: only one run file is in memory at a
// time.
#pragma once

#include "analysis/runs/outcome.hpp"
#include "analysis/runs/read.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace moesim {

// What became of a run, from the path of its run file and the status that stands in it: a run that
// was killed has left "running" there.
using StatusOf = std::function<std::string(const std::string& path, const std::string& recorded)>;

struct Request {
  std::vector<std::string> paths;  // as find_runs takes them
  bool all = false;                // the runs of earlier sweeps too; see select_runs
  StatusOf status_of = {};         // without one, the status is as recorded
  // Called with the reason, one line, for each file that cannot be read and is left out.
  std::function<void(const std::string& why)> on_unreadable = {};
  // Recorded variables or attributes by name, for Outcome::quantities. A run that does not have one
  // goes without it.
  std::vector<std::string> quantities = {};
};

struct Loaded {
  std::vector<Outcome> outcomes;
  std::vector<std::string> notes;       // what was left out, one sentence each
  std::vector<std::string> unreadable;  // why, file by file
};

// Called once for each run that could be read, with its place among the outcomes.
using Visit = std::function<void(const Run& run, std::size_t outcome)>;

// Reads what Outcome needs, and `more` for `visit`. A file that cannot be read is left out and
// listed; throws Exit::data if there is no other.
Loaded load_runs(const Request& request, const Excerpt& more = {}, const Visit& visit = {});

}  // namespace moesim
