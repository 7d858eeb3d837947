// Builds the second table of `moesim score`: means and deviations over the seeds of an arm.
#pragma once

#include "analysis/render/table.hpp"

#include <string>
#include <vector>

namespace moesim {

// ScoredRun is the rows of a run in the table of scores: [begin, end).
struct ScoredRun {
  std::string folder;
  std::size_t begin = 0, end = 0;
};

// A row per arm and task: mean ± deviation over the complete runs of the arm, one per seed. Arms are
// those of `moesim compare`; runs whose run.h5 cannot be read are left out.
Table scores_by_arm(const Table& scores, const std::vector<ScoredRun>& runs);

// True if a row has two values or more.
bool has_deviations(const Table& by_arm);

}  // namespace moesim
