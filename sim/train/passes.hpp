// Passes is the interface of a step's forward and backward passes: eager or replayed.
#pragma once

#include "sim/moe/statistics.hpp"
#include "sim/train/pass.hpp"
#include "sim/train/trace_monitor.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moesim {

// What is observed of a step besides its losses.
struct Watch {
  bool routing = false;  // sums of the routing of each MoE layer
  bool trace = false;    // its assignments
};

struct StepOutcome {
  StepLosses losses;
  std::vector<LayerStatistics> layers;  // of each MoE layer; empty if the step was not measured
  StepTrace trace;                      // empty if the step was not traced
};

class Passes {
 public:
  virtual ~Passes() = default;
  // Runs every micro-batch forward and backward. Afterwards the parameters hold the gradients of
  // the step's loss, summed over micro-batches by a fixed tree (gradient_tree.hpp), and the MoE
  // layers hold their loads.
  virtual StepOutcome run(const StepBatch& batch, Watch watch) = 0;
  // Called after the update, when gradients may be released.
  virtual void release_gradients() {}

  // "replayed", or the reason why steps are not; "" on a device that never replays.
  virtual std::string replay() const = 0;
  virtual bool may_replay() const { return false; }
  virtual index replayed_steps() const { return 0; }
};

// ReplayedPasses if the device and the routers support it and `graphs` (run.graphs) is set, else
// EagerPasses. domains: number of domains of the data, for statistics. taught: a teacher runs in
// every step, and steps are not replayed.
std::unique_ptr<Passes> make_passes(Transformer& model, Backend& backend, index domains,
                                    bool graphs, bool taught = false);

}  // namespace moesim
