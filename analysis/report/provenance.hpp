// Provenance records what ran where, on which data, and the commands that reproduce it.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/report/record.hpp"
#include "analysis/runs/arms.hpp"

#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct Provenance {
  // Facts shared by all runs: title and value.
  std::vector<std::pair<std::string, std::string>> common;
  Table runs;  // a row per run: facts that differ
};

// Returns the provenance of the runs. `arms` point into `outcomes`; `records` describe the same
// runs in the same order.
Provenance provenance_of(const std::vector<Arm>& arms, const std::vector<Outcome>& outcomes,
                         const std::vector<Record>& records);

// Reproduction is the config file and the command that run an arm again.
struct Reproduction {
  std::string arm;
  std::string file;     // file name for the config: safe in a shell, unique
  std::string config;   // resolved config of the first run; "" if none has one
  std::string command;  // "moesim run hash.ini run.seed=0,1,2"
};

std::vector<Reproduction> reproductions(const std::vector<Arm>& arms,
                                        const std::vector<Outcome>& outcomes,
                                        const std::vector<Record>& records);

}  // namespace moesim
