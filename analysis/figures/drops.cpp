// Builds the figure of dropped assignments over training, in percent: 100 dropped / assignments.
#include "analysis/figures/routing_curves.hpp"

#include <limits>

namespace moesim {

Built drops_figure(const Request& request, const FigureOptions& options) {
  return routing_figure(
      request, options,
      {.variables = {"dropped", "assignments"},
       .name = "dropped",
       .title = options.quantity.starts_with("eval_") ? "dropped assignments in evaluation (%)"
                                                      : "dropped assignments (%)",
       .value =
           [](const std::vector<double>& values, double) {
             return values[1] > 0 ? 100 * values[0] / values[1]
                                  : std::numeric_limits<double>::quiet_NaN();
           },
       .zero = "drop nothing",
       .from_zero = true,
       .missing = "dense models route nothing"});
}

}  // namespace moesim
