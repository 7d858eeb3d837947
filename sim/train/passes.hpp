// Passes run the forward and backward passes of a training step.
#pragma once

#include "sim/moe/statistics.hpp"
#include "sim/train/pass.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moesim {

struct StepOutcome {
  StepLosses losses;
  std::vector<LayerStatistics> layers;  // of each MoE layer; empty if the step was not measured
};

class Passes {
 public:
  virtual ~Passes() = default;
  // Forward and backward through every micro-batch. The parameters then have the gradients of the
  // step's loss, summed over micro-batches by a fixed tree (gradient_tree.hpp), and the MoE layers
  // their loads.
  virtual StepOutcome run(const StepBatch& batch, bool measured) = 0;
  // Called after the update: gradients are not needed any more.
  virtual void release_gradients() {}

  // "replayed", or why steps are not; "" on a device that never replays.
  virtual std::string replay() const = 0;
  virtual bool may_replay() const { return false; }
  virtual index replayed_steps() const { return 0; }
};

// Replayed passes where device and routers allow it and `graphs` (run.graphs) is set, else eager
// ones. domains: of the data, for the statistics.
std::unique_ptr<Passes> make_passes(Transformer& model, Backend& backend, index domains,
                                    bool graphs);

}  // namespace moesim
