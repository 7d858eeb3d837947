// The routing monitor measures what the MoE layers do in the passes of one step or evaluation.
#pragma once

#include "sim/moe/statistics.hpp"
#include "sim/model/transformer.hpp"
#include "sim/task/task.hpp"

#include <vector>

namespace moesim {

class RoutingMonitor {
 public:
  // domains: of the data.
  RoutingMonitor(const Transformer& model, Backend& backend, index domains);

  // Measures the pass that is given this context and this example.
  void attach(Context& context, const Example& example);
  // Fetches the numbers of the pass. Call it after the pass, because fetching waits for the device.
  void collect();

  // Over all passes, layer by layer.
  std::vector<LayerStatistics>& layers() { return layers_; }

 private:
  const Transformer& model_;
  Backend& backend_;
  index domains_;
  std::vector<Measurement> measurements_;  // of the pass that is running, layer by layer
  std::vector<LayerStatistics> layers_;
};

}  // namespace moesim
