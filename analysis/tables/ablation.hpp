// Builds the ablation table: the baseline, then one row per arm, with the settings that change as
// columns. If two settings change, the table is a grid of one metric.
#pragma once

#include "analysis/tables/routers.hpp"

#include <string>
#include <vector>

namespace moesim {

struct AblationOptions {
  std::string baseline = {};         // see RoutersOptions; default also: the first arm
  std::string metric = "eval_loss";  // a column of the routers table, or a recorded quantity
  std::string target = {};           // see RoutersOptions
  At at = {};
  std::vector<std::string> arms = {};  // empty: all
  bool rows = false;                   // rows even where two settings change
};

// Builds the table from outcomes. Throws Exit::usage for an unknown arm or metric.
Table ablation_table(const std::vector<Outcome>& outcomes, const AblationOptions& options);
// Builds the table from run files.
Table ablation_table(const Request& request, const AblationOptions& options);

}  // namespace moesim
