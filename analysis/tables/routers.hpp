// One row per arm (variant of an experiment), over its seeds: which one is better, by how much, and
// is it noise.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/outcome.hpp"

#include <functional>
#include <string>
#include <vector>

namespace moesim {

// Arms are in the order of their first run. Means are over complete runs; what is left out, and
// what limits the comparison, is said in the notes. The best arm has the lowest loss of those that
// do not leak; there is none if vocabularies differ. `baseline` names the arm that the others are
// paired with, seed by seed; empty: the arm "dense", else the first whose router is dense, if there
// is one. Throws Exit::usage for a baseline that is not there.
Table comparison(const std::vector<Outcome>& outcomes, const std::string& baseline);

struct Comparison {
  std::string text;
  std::vector<std::string> unreadable;  // why, file by file
};

// What became of a run, from the path of its run file and the status that stands in it: a run that
// was killed has left "running" there.
using StatusOf = std::function<std::string(const std::string& path, const std::string& recorded)>;

// `paths` as find_runs takes them. A file that cannot be read is left out, which a note says;
// throws Exit::data if there is no other. Without a `status_of`, the status is as recorded.
Comparison compare(const std::vector<std::string>& paths, Format format,
                   const std::string& baseline = "", const StatusOf& status_of = {});

}  // namespace moesim
