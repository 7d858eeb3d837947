// What the MoE layers did in the passes of one step or evaluation.
#pragma once

#include "sim/moe/statistics.hpp"
#include "sim/model/transformer.hpp"
#include "sim/task/task.hpp"

#include <string>
#include <vector>

namespace moesim {

class RoutingMonitor {
 public:
  // Of this model, with so many domains in the data.
  RoutingMonitor(const Transformer& model, Backend& backend, index domains);

  // The pass in this context, through this example, is to be measured.
  void attach(Context& context, const Example& example);
  // After a pass, so that its layers do not wait for each other's numbers.
  void collect();

  // Over all passes, layer by layer, and the plan of the last layer.
  std::vector<LayerStatistics>& layers() { return layers_; }
  const std::string& plan() const { return plan_; }

 private:
  const Transformer& model_;
  Backend& backend_;
  index domains_;
  std::vector<Measurement> measurements_;  // of the pass that is running, layer by layer
  std::vector<LayerStatistics> layers_;
  std::string plan_;
};

}  // namespace moesim
