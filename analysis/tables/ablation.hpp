// The table of an ablation has the baseline first, then one row per arm with the settings that
// change as columns. Two settings that change make a grid of one metric.
#pragma once

#include "analysis/tables/routers.hpp"

#include <string>
#include <vector>

namespace moesim {

struct AblationOptions {
  std::string baseline = {};         // as RoutersOptions has it; empty also: the first arm
  std::string metric = "eval_loss";  // a column of the table of routers, or a recorded quantity
  std::string target = {};           // as RoutersOptions has it
  At at = {};
  std::vector<std::string> arms = {};  // empty: all
  bool rows = false;                   // no grid, even where two settings change
};

// Throws Exit::usage for an arm or a metric that is not there.
Table ablation_table(const std::vector<Outcome>& outcomes, const AblationOptions& options);
// The same of run files.
Table ablation_table(const Request& request, const AblationOptions& options);

}  // namespace moesim
