// Calibration runs a model on training data, in evaluation mode, and collects what its experts get:
// their use, and Xᵀ X over the rows of every expert.
#pragma once

#include "sim/data/dataset.hpp"
#include "sim/moe/layer_statistics.hpp"
#include "sim/task/task.hpp"
#include "sim/train/evaluator.hpp"
#include "sim/train/optimiser.hpp"

#include <map>
#include <string>
#include <vector>

namespace moesim {

// Xᵀ X of each expert of a matrix [E, in, out]: [in, in], row-major; empty for an expert without rows.
using Grams = std::map<std::string, std::vector<std::vector<double>>>;

// The first sequences of the training split that `seed` draws, in batches of up to 32.
struct Calibration {
  const Dataset& data;
  const Task& task;
  Transformer& model;
  Backend& backend;
  std::uint64_t seed = 0;
  index sequences = 128;
};

// The Grams of the weights with these names. Those that no product of assigned rows reads are absent:
// rows of Soft MoE are mixtures, and Lory merges its matrices.
Grams input_grams(const Calibration& on, const std::vector<NamedTensor>& weights,
                  const std::vector<std::string>& names);

// The mean of gate · ‖output‖₂ over the rows of each expert in an evaluation, by layer: [E]; 0 without
// rows (Lasby et al. 2025, "REAP", eq. 9). Empty for a layer without assignments.
std::vector<std::vector<double>> expert_saliency(Transformer& model, Backend& backend,
                                                 const Task& task, const Evaluator& evaluator);
// The same in calibration.
std::vector<std::vector<double>> expert_saliency(const Calibration& on);

// The use of the experts of every MoE layer.
std::vector<LayerStatistics> expert_use(const Calibration& on);

}  // namespace moesim
