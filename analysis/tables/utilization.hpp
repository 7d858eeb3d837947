// Builds the utilization table: how evenly experts are used, per arm and layer, or per expert.
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
    expert,  // a column per expert, at most 16
  };
  By by = By::layer;
  At at = {};  // the evaluation
  // Number of last training records to sum over, instead of an evaluation; 0: use the evaluation.
  std::size_t window = 0;
  std::vector<std::string> arms = {};  // empty: all
};

// Parses "layer" or "expert". Throws Exit::usage.
UtilizationOptions::By utilization_by(const std::string& text);

// Builds the table of means over complete runs. Arms without layers of several experts get a note
// and no row. Throws Exit::usage for an unknown arm or evaluation, and for more than 16 columns.
Table utilization_table(const Request& request, const UtilizationOptions& options);

}  // namespace moesim
