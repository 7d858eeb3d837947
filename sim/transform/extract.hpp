// Extraction makes a dense model of the experts that a router takes for one task (Kudugunta et al.
// 2021): a token of the task passes the same k experts with the same gates, so that they are one
// network of k times the width.
#pragma once

#include "sim/model/transformer.hpp"
#include "sim/train/upcycle.hpp"

#include <vector>

namespace moesim {

// The experts of a task in one layer, in ascending order, and their gates.
struct TaskExperts {
  std::vector<index> experts;
  std::vector<real> gates;
};

// Throws Exit::usage if a router of the model does not route by task, if the model has adapters, or
// if its experts have parameters of unknown use, so that they cannot be joined. by_label: it routes by
// the first token, which is the task's label.
void require_extractable(const Transformer& model, bool by_label = false);

// The experts of a task (number of a domain) in every MoE layer. input: any tokens of the model; of the
// task, if it routes by label.
std::vector<TaskExperts> experts_of_task(Transformer& model, const ModelInput& input, index task);

// The tensors of the same model with router.name = dense and width_factor = k, which computes for
// tokens of the task what this one does: units of the hidden layer side by side, outputs and their
// biases times the gate. Bitwise the same if k = 1 and the gate is 1, else but for rounding. What is
// trained or dropped at random differs.
HostTensors extract_task(const HostTensors& tensors, const Transformer& model,
                         const std::vector<TaskExperts>& layers);

}  // namespace moesim
