// output_change() compares a model with the one that it was made from, on validation sequences.
#pragma once

#include "sim/train/evaluator.hpp"

namespace moesim {

struct OutputChange {
  double logit = 0;              // largest difference of a logit
  double before = 0, after = 0;  // losses of the source and of the model, in nats
};

// The source has the same inputs and outputs, and may be on another backend. Reads all sequences of
// an evaluation, in evaluation mode. domain: number of the only domain whose logits count; -1: all.
// Throws Exit::usage if the evaluation has no target there.
OutputChange output_change(Transformer& source, Backend& source_backend, Transformer& model,
                           Backend& backend, const Task& task, const Evaluator& evaluator,
                           index domain = -1);

}  // namespace moesim
