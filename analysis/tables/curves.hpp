// Builds the table of curves: one row per step and one column per arm, with the mean and deviation
// over seeds of one recorded quantity.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/load.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct CurvesOptions {
  // A variable over step, eval or record, and optionally over layer. One with a further dimension
  // needs a label: "domain_loss/domain1", "aux_loss/balance".
  std::string quantity = "eval_loss";
  std::optional<std::int64_t> layer = {};  // empty: the mean over layers
  std::vector<std::string> arms = {};      // empty: all
};

// Builds the table from complete runs. Seeds with different steps are joined on the step. Throws
// Exit::usage for an unknown quantity, layer or arm (Exit::data if the default quantity is
// missing).
Table curves_table(const Request& request, const CurvesOptions& options);

}  // namespace moesim
