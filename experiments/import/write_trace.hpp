// Writes a ForeignTrace as a file that moesim route could have written: its assignments
// (analysis/FORMAT.md, Traces), and the statistics of routing of every step.
#pragma once

#include "analysis/traces/drops.hpp"
#include "experiments/import/foreign_trace.hpp"
#include "sim/record/run_file.hpp"

#include <string>
#include <vector>

namespace moesim {

struct ImportOptions {
  std::string name;                  // of the run and the arm
  std::vector<std::string> sources;  // files, for the checksum
  index length = 0;                  // tokens of a sequence; 0: all
  double capacity_factor = 0;        // 0: dropless
  std::string group = "batch";       // tokens that share capacity: sequence, batch
  std::string fill = "token";        // who gets places: token, choice, priority
};

struct ImportedFile {
  RunFile file;
  double assignments = 0, dropped = 0;
};

ImportedFile import_trace(const ForeignTrace& trace, const ImportOptions& options);

}  // namespace moesim
