// The table of curves has a row per step and a column per arm: the mean and deviation over seeds of
// one recorded quantity.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/load.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct CurvesOptions {
  // A variable over step, eval or record, and perhaps over layer. One with a further dimension
  // needs a label of it: "domain_loss/domain1", "aux_loss/balance".
  std::string quantity = "eval_loss";
  std::optional<std::int64_t> layer = {};  // none: the mean over layers
  std::vector<std::string> arms = {};      // empty: all
};

// Of the complete runs of an arm. Seeds with different steps are joined on the step. Throws
// Exit::usage for a quantity, a layer or an arm that is not there (Exit::data for the quantity that
// is shown by default).
Table curves_table(const Request& request, const CurvesOptions& options);

}  // namespace moesim
