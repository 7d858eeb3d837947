// The table of utilization says how evenly experts are used: per arm and layer, or per expert.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/at.hpp"
#include "analysis/runs/load.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace moesim {

struct UtilizationOptions {
  enum class By {
    layer,   // quantiles over the experts of a layer, and a row for all layers
    expert,  // a column per expert, of 16 at the most
  };
  By by = By::layer;
  At at = {};  // the evaluation
  // In place of an evaluation: the sum over so many last records of training. 0: an evaluation.
  std::size_t window = 0;
  std::vector<std::string> arms = {};  // empty: all
};

// Of "layer" or "expert". Throws Exit::usage.
UtilizationOptions::By utilization_by(const std::string& text);

// Means over the complete runs of an arm. Arms whose layers have a single expert, or none, get a
// note and no row. Throws Exit::usage for an arm or an evaluation that is not there, and for more
// than 16 columns.
Table utilization_table(const Request& request, const UtilizationOptions& options);

}  // namespace moesim
