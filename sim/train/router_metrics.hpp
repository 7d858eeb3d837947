// Records the metrics of routers (Routing::metrics) as router_NAME (record, layer) and
// eval_router_NAME (eval, layer). The variable of a metric begins with the first row in which a
// layer returned it; other layers and earlier rows are NaN.
#pragma once

#include "sim/moe/layer_statistics.hpp"
#include "sim/record/run_file.hpp"

#include <string>
#include <vector>

namespace moesim {

// The description of such a variable; it is not kept in checkpoints.
inline constexpr const char* kMetricDescription =
    "metric of the router, mean over tokens; NaN where a layer had none";

// Appends a row to every metric over `axis` ("record" or "eval"). The row's label must exist.
void append_metrics(RunFile& file, const std::string& axis,
                    const std::vector<LayerStatistics>& layers);

// True for the variable of a metric, of this build or an earlier one.
bool is_router_metric(const Variable& variable);

}  // namespace moesim
