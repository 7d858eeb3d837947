// Distillation trains a model towards the predictions of a teacher beside the targets (Hinton et
// al. 2015; Fedus et al. 2022, section 4.1).
//
//   L = (1 - w) · CE(y, softmax(z)) + w · τ² · KL(softmax(t / τ) ‖ softmax(z / τ)) + auxiliary
//
// per target, with the logits z of the model and t of the teacher in evaluation mode. The gradient
// to z is (1 - w)(softmax(z) - y) + w · τ · (softmax(z / τ) - softmax(t / τ)).
#pragma once

#include "sim/config/options.hpp"
#include "sim/core/tape.hpp"
#include "sim/data/dataset.hpp"

#include <functional>
#include <string>

namespace moesim {

// Logits of the teacher for sequences of a training step, on the model's device.
using Teacher = std::function<Tensor(const Batch& batch, index step)>;

struct Distillation {
  std::string teacher;     // folder of a run; empty: none
  std::string checkpoint;  // newest, best or a step
  double weight = 0;       // w
  double temperature = 1;  // τ
  index until = 0;         // step at which it ends; 0: never

  // Reads [distil].
  static Distillation read(Settings& settings);
  // True if a run has a teacher; true if a step has one.
  bool any() const { return !teacher.empty() && weight > 0; }
  bool at(index step) const { return any() && (until == 0 || step < until); }
};

// Σ over rows with a target of KL(softmax(teacher / τ) ‖ softmax(logits / τ)) / n. No gradient to
// the teacher. logits, teacher [rows, V]; n: number of targets of the step. -> [1]
Tensor teacher_divergence(const Tensor& logits, const Tensor& teacher, const Indices& target,
                          real temperature, index n);

}  // namespace moesim
