#include "sim/train/router_metrics.hpp"

#include <algorithm>

namespace moesim {
namespace {

std::string prefix_of(const std::string& axis) {
  return axis == "eval" ? "eval_router_" : "router_";
}

bool is_over(const Variable& variable, const std::string& axis) {
  return variable.name.starts_with(prefix_of(axis)) &&
         variable.dims == std::vector<std::string>{axis, "layer"} &&
         find_statistic(variable.name) == nullptr;
}

// A variable whose rows are all missing values, except the next one.
Variable late(const std::string& axis, const std::string& metric, std::int64_t rows,
              std::size_t layers) {
  return {.name = prefix_of(axis) + metric,
          .type = Variable::Type::float64,
          .dims = {axis, "layer"},
          .shape = {rows, static_cast<std::int64_t>(layers)},
          .values = std::vector<double>(static_cast<std::size_t>(rows) * layers, kMissing),
          .texts = {},
          .long_name = metric,
          .units = {},
          .growing = true,
          .description = kMetricDescription};
}

}  // namespace

void append_metrics(RunFile& file, const std::string& axis,
                    const std::vector<LayerStatistics>& layers) {
  const std::int64_t before = file.find(axis)->shape[0] - 1;
  for (const LayerStatistics& layer : layers)
    for (const MetricSum& metric : layer.metrics)
      if (file.find(prefix_of(axis) + metric.name) == nullptr)
        file.put(late(axis, metric.name, before, layers.size()));
  std::vector<std::string> names;
  for (const Variable& variable : file.variables())
    if (is_over(variable, axis)) names.push_back(variable.name);
  for (const std::string& name : names) {
    std::vector<double> row(layers.size(), kMissing);
    for (std::size_t i = 0; i < layers.size(); ++i)
      for (const MetricSum& metric : layers[i].metrics)
        if (prefix_of(axis) + metric.name == name) row[i] = metric.mean();
    file.append(name, row);
  }
}

bool is_router_metric(const Variable& variable) {
  return is_over(variable, "record") || is_over(variable, "eval");
}

}  // namespace moesim
