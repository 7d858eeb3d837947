// Curves of a quantity that each layer has, over training: the mean over layers and seeds.
#pragma once

#include "analysis/figures/figures.hpp"

#include <string>
#include <vector>

namespace moesim {

struct RoutingQuantity {
  // Of records, and of evaluations with eval_ in front.
  std::vector<std::string> variables;  // what value() needs
  std::string name, title;             // the first is the quantity's own
  // Of one row and layer, from the values of the variables there, and the number of experts.
  double (*value)(const std::vector<double>& values, double experts);
  const char* zero;        // what is said of arms that are 0 throughout; or null
  bool from_zero = false;  // the axis begins there
  const char* missing;     // of whom no run has it: "dense models and hash routing have none"
};

Built routing_figure(const Request& request, const FigureOptions& options,
                     const RoutingQuantity& quantity);

}  // namespace moesim
