// RoutingMonitor measures the routings of all MoE layers in one step or evaluation.
#pragma once

#include "sim/model/transformer.hpp"
#include "sim/moe/statistics.hpp"
#include "sim/task/task.hpp"

#include <vector>

namespace moesim {

class RoutingMonitor {
 public:
  // domains: number of domains of the data.
  RoutingMonitor(const Transformer& model, Backend& backend, index domains);

  // Measures the pass with this context and this example.
  void attach(Context& context, const Example& example);
  // Fetches the sums of a pass. Call it after the pass: it synchronises with the device.
  void collect();

  // Statistics over all passes, by layer.
  std::vector<LayerStatistics>& layers() { return layers_; }

 private:
  const Transformer& model_;
  Backend& backend_;
  index domains_;
  std::vector<Measurement> measurements_;  // of the current pass, by layer
  std::vector<LayerStatistics> layers_;
};

}  // namespace moesim
