// Builds a figure of a per-layer routing quantity over training: the mean over layers and seeds.
#pragma once

#include "analysis/figures/figures.hpp"

#include <string>
#include <vector>

namespace moesim {

struct RoutingQuantity {
  // Variables that value() reads; over evaluations with the prefix eval_.
  std::vector<std::string> variables;
  std::string name, title;  // variables[0] is the quantity itself
  // Computes the quantity of one row and layer from the variables there and the number of experts.
  double (*value)(const std::vector<double>& values, double experts);
  const char* zero;        // note for arms that are 0 throughout; or null
  bool from_zero = false;  // the y axis starts at 0
  const char* missing;     // note if no run has it: "dense models and hash routing have none"
};

Built routing_figure(const Request& request, const FigureOptions& options,
                     const RoutingQuantity& quantity);

}  // namespace moesim
