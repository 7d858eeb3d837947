#include "analysis/tables/ablation.hpp"

namespace moesim {

Table ablation_table(const std::vector<Outcome>& outcomes, const AblationOptions& options) {
  Table table = routers_table(outcomes, {.baseline = options.baseline, .arms = options.arms});
  table.name = "ablation";
  return table;
}

Table ablation_table(const Request& request, const AblationOptions& options) {
  return ablation_table(load_runs(request).outcomes, options);
}

}  // namespace moesim
