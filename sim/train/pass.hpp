// run_pass() runs one forward and backward pass; StepLosses sums the losses of a step's passes.
#pragma once

#include "sim/model/transformer.hpp"
#include "sim/moe/routing.hpp"
#include "sim/train/step_batch.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

// Losses of one pass, on the device, not yet read by the host.
struct PassLosses {
  Tensor task;             // [1]
  double task_weight = 1;  // 1 - w with a teacher
  std::vector<Loss> aux;
};

// Forward and backward pass of a micro-batch: adds dL/dp to the gradient of every parameter p.
//
//   L = Σ over its targets of -ln p(target) / targets of the step + Σ weight · aux / parts
//
// With a teacher, the first term times 1 - w, and "distillation" is an auxiliary loss of weight w
// (sim/train/distillation.hpp).
// Its own auxiliary loss is "logit_z", the mean over rows of (ln Σ exp logit)² (Chowdhery et al.
// 2022, section 5).
PassLosses run_pass(Transformer& model, MicroBatch& batch);

// Counts the choices of a step of several micro-batches by a forward pass of each, with the random
// numbers of its training pass, if a router reads these counts.
void count_whole_step(Transformer& model, index parts,
                      const std::function<MicroBatch(index part)>& micro_batch);

// Losses of a step on the host, summed over its micro-batches in order.
struct StepLosses {
  double task = 0;  // nats; the mean over the step's targets
  double task_weight = 1;
  std::vector<std::pair<std::string, double>> aux;  // weighted, summed over layers

  // Adds the losses of one of `parts` micro-batches. One copy to the host, which synchronises.
  void add(const PassLosses& losses, index parts);
  double total() const;
};

}  // namespace moesim
