// Hook is the observer interface of the trainer: it receives steps, routings and evaluations, and
// can stop the run. Records, checkpoints and progress are hooks.
#pragma once

#include "sim/core/types.hpp"
#include "sim/moe/statistics.hpp"
#include "sim/train/evaluator.hpp"
#include "sim/train/trace_monitor.hpp"

#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct StepReport {
  index step = 0;            // from 0
  index steps = 0;           // in the whole training
  double loss = 0;           // task loss and weighted auxiliary losses
  double task_loss = 0;      // nats
  double gradient_norm = 0;  // before clipping
  double rate = 0;
  double seconds = 0;                                    // wall time of this step
  index tokens = 0;                                      // positions trained on since the start
  std::vector<std::pair<std::string, double>> aux = {};  // weighted, summed over layers
};

// Position is the state of a training between two steps. Together with the tensors of
// Trainer::state() it determines the rest of the training.
struct Position {
  index step = 0;             // steps done
  bool evaluated = false;     // true if the evaluation due here is done
  index skipped_batches = 0;  // training batches skipped by rewinding (train.not_finite)
  index not_finite = 0;       // steps with NaN or infinite loss or gradient
};

class Hook {
 public:
  virtual ~Hook() = default;
  // Called between steps and between the batches of an evaluation. Returns true to stop training.
  virtual bool wants_stop() { return false; }
  // Called between steps, after the evaluation that was due, and at the end.
  virtual void on_boundary(const Position&) {}
  // Returns true if the routings of this step are to be measured.
  virtual bool wants_routing(index) const { return false; }
  // Receives statistics of every MoE layer over the step's batch.
  virtual void on_routing(index, const std::vector<LayerStatistics>&) {}
  // The same for the assignments of every MoE layer.
  virtual bool wants_trace(index) const { return false; }
  virtual void on_trace(index, const StepTrace&) {}
  virtual void on_step(const StepReport&) {}
  virtual void on_evaluation(const Evaluation&) {}
};

}  // namespace moesim
