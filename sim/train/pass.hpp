// One forward and backward pass, and the losses of a step's passes.
#pragma once

#include "sim/model/transformer.hpp"
#include "sim/moe/routing.hpp"
#include "sim/train/step_batch.hpp"

#include <string>
#include <utility>
#include <vector>

namespace moesim {

// Losses of one pass, on the device; nobody has read them yet.
struct PassLosses {
  Tensor task;  // [1]
  std::vector<Loss> aux;
};

// Forward and backward through a micro-batch: adds dL/dp to the gradient of every parameter p,
// where
//   L = Σ over its targets of -ln p(target) / targets of the step + Σ weight · aux / parts.
PassLosses run_pass(Transformer& model, MicroBatch& batch);

// Losses of a step, on the host: folded over its micro-batches in their order.
struct StepLosses {
  double task = 0;                                  // nats; the mean over the step's targets
  std::vector<std::pair<std::string, double>> aux;  // weighted, summed over layers

  // Adds those of one of `parts` micro-batches. One copy from the device, which waits for it.
  void add(const PassLosses& losses, index parts);
  double total() const;
};

}  // namespace moesim
