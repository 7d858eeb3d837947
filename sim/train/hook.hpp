// A hook is told what happens in a training, and may stop it: records, checkpoints and progress are
// hooks.
#pragma once

#include "sim/core/types.hpp"
#include "sim/moe/statistics.hpp"
#include "sim/train/evaluator.hpp"

#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct StepReport {
  index step = 0;            // from 0
  index steps = 0;           // of the whole training
  double loss = 0;           // task loss and weighted auxiliary losses
  double task_loss = 0;      // nats
  double gradient_norm = 0;  // before clipping
  double rate = 0;
  double seconds = 0;                                    // wall time of this step
  index tokens = 0;                                      // positions seen since the start
  std::vector<std::pair<std::string, double>> aux = {};  // weighted, summed over layers
};

// Where a training stands between two steps; with the tensors of Trainer::state(), all that decides
// how it goes on.
struct Position {
  index step = 0;             // steps done
  bool evaluated = false;     // the evaluation that is due here is done
  index skipped_batches = 0;  // training batches skipped after going back (train.not_finite)
  index not_finite = 0;       // steps whose loss or gradient was not finite
};

class Hook {
 public:
  virtual ~Hook() = default;
  // Called between steps and between the batches of an evaluation: is training to stop here?
  virtual bool wants_stop() { return false; }
  // Between two steps, after the evaluation that was due, and at the end.
  virtual void on_boundary(const Position&) {}
  // Are the routings of this step to be measured?
  virtual bool wants_routing(index) const { return false; }
  // Statistics of every MoE layer over the step's batch.
  virtual void on_routing(index, const std::vector<LayerStatistics>&) {}
  virtual void on_step(const StepReport&) {}
  virtual void on_evaluation(const Evaluation&) {}
};

}  // namespace moesim
