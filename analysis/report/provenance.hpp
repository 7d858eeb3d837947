// Provenance is what ran where, on which data, and how it is run again.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/report/record.hpp"
#include "analysis/runs/arms.hpp"

#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct Provenance {
  // What all runs have in common, as title and value.
  std::vector<std::pair<std::string, std::string>> common;
  Table runs;  // a row per run: what differs, and what every run has of its own
};

// The arms are made of `outcomes`; `records` are of the same runs, in their order.
Provenance provenance_of(const std::vector<Arm>& arms, const std::vector<Outcome>& outcomes,
                         const std::vector<Record>& records);

// How the runs of an arm are run again.
struct Reproduction {
  std::string arm;
  std::string file;     // the name under which to save the config: safe in a shell, unique
  std::string config;   // resolved, of the first run; "" if none has one
  std::string command;  // "moesim run hash.ini run.seed=0,1,2"
};

std::vector<Reproduction> reproductions(const std::vector<Arm>& arms,
                                        const std::vector<Outcome>& outcomes,
                                        const std::vector<Record>& records);

}  // namespace moesim
