// The table of routers has one row per arm over its seeds: which arm is better, by how much, and
// how sure that is.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/arms.hpp"
#include "analysis/runs/at.hpp"
#include "analysis/runs/load.hpp"

#include <string>
#include <vector>

namespace moesim {

struct RoutersOptions {
  // The arm that the others are compared with; empty: the arm "dense", else the first whose router
  // is dense, if there is one.
  std::string baseline = {};
  // A loss, which every seed of an arm has to reach, or "baseline" for the mean of the baseline's,
  // which mean curves have to reach; see target.hpp. Empty: that as well, but the table shows only
  // the time to it.
  std::string target = {};
  At at = {};
  std::vector<std::string> columns = {};  // keys, or names of recorded quantities; empty: all keys
  std::vector<std::string> arms = {};     // empty: all
};

// Arms are in the order of their first run. Means are over complete runs; what is left out, and
// what limits the comparison, is said in the notes. Bold are the arm of the lowest loss of those
// that do not leak, and the arms that are not significantly different from it. Throws Exit::usage
// for an arm, a column, a target or a step that is not there.
Table routers_table(const std::vector<Outcome>& outcomes, const RoutersOptions& options);
// The same of run files; reads the quantities that `columns` names.
Table routers_table(const Request& request, const RoutersOptions& options);

}  // namespace moesim
