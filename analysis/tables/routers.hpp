// One row per arm (variant of an experiment), over its seeds: which one is better, by how much, and
// is it noise.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/load.hpp"

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

// Throws Exit::data if no run can be read.
Comparison compare(const Request& request, Format format, const std::string& baseline = "");

}  // namespace moesim
