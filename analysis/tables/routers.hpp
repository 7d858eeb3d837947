// Builds the routers table: one row per arm over its seeds, with the loss, the paired difference
// from the baseline and its confidence interval.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/arms.hpp"
#include "analysis/runs/at.hpp"
#include "analysis/runs/load.hpp"

#include <string>
#include <vector>

namespace moesim {

struct RoutersOptions {
  // Name of the baseline; empty: the arm "dense", else the first arm whose router is dense, if
  // there is one.
  std::string baseline = {};
  // A loss that every seed of an arm must reach, or "baseline" for the mean loss of the baseline,
  // which mean curves must reach; see target.hpp. Empty: as "baseline", but the table shows only
  // the time to reach it.
  std::string target = {};
  At at = {};
  std::vector<std::string> columns = {};  // keys or recorded quantities; empty: all keys
  std::vector<std::string> arms = {};     // empty: all
  // An arm: the table has what share of its gain over the baseline others keep (preserved.hpp).
  std::string teacher = {};
};

// Builds the table from outcomes. Arms are in the order of their first run, means are over complete
// runs, and notes name excluded runs and limits of the comparison. Bold are the arm with the lowest
// loss among those that do not leak, and the arms not significantly different from it. Throws
// Exit::usage for an unknown arm, column, target or step.
Table routers_table(const std::vector<Outcome>& outcomes, const RoutersOptions& options);
// Builds the table from run files; also reads the quantities in `columns`.
Table routers_table(const Request& request, const RoutersOptions& options);

}  // namespace moesim
