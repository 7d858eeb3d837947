// Builds the figure of the entropy of the router's scores over training, divided by log E: 1 if
// they are uniform, 0 if one expert has all.
#include "analysis/figures/routing_curves.hpp"

#include <cmath>

namespace moesim {

Built entropy_figure(const Request& request, const FigureOptions& options) {
  return routing_figure(request, options,
                        {.variables = {"router_entropy"},
                         .name = "router_entropy",
                         .title = "router entropy / log E",
                         .value = [](const std::vector<double>& values,
                                     double experts) { return values[0] / std::log(experts); },
                         .zero = nullptr,
                         .from_zero = false,
                         .missing = "dense models and routers without scores, as hash, have none"});
}

}  // namespace moesim
