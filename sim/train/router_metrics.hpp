// Router metrics (Routing::metrics) are recorded as router_NAME (record, layer) and
// eval_router_NAME (eval, layer). A metric has its variable from the first row on in which a layer
// returned it; where a layer or an earlier row did not, its value is NaN.
#pragma once

#include "sim/moe/layer_statistics.hpp"
#include "sim/record/run_file.hpp"

#include <string>
#include <vector>

namespace moesim {

// Appends a row to every metric over `axis` ("record" or "eval"), whose label of the row is there.
void append_metrics(RunFile& file, const std::string& axis,
                    const std::vector<LayerStatistics>& layers);

// True for the variable of a metric, of this build or an earlier one.
bool is_router_metric(const Variable& variable);

}  // namespace moesim
