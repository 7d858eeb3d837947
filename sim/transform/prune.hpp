// Pruning removes experts: those that a validation split uses least (Chen et al. 2022, "Task-Specific
// Expert Pruning"; Lasby et al. 2025 compare scores).
#pragma once

#include "sim/model/transformer.hpp"
#include "sim/moe/layer_statistics.hpp"
#include "sim/train/upcycle.hpp"
#include "sim/transform/expert_axes.hpp"

#include <cstdint>
#include <vector>

namespace moesim {

struct Pruning {
  // Of an evaluation: assignments before drops; sums of gates after drops; means of gate · ‖output‖
  // (expert_saliency); random numbers.
  enum class Score { usage, importance, reap, random };
  Score score = Score::usage;
  index keep = 1;  // experts per layer
};

// The experts of each layer to keep, in ascending order: those with the highest scores, of equal ones
// the lower. seed: of random scores; saliency: of reap, by layer.
std::vector<std::vector<index>> kept_experts(const Pruning& how,
                                             const std::vector<LayerStatistics>& use,
                                             std::uint64_t seed,
                                             const std::vector<std::vector<double>>& saliency = {});

// The number of experts that stay if those with a small usage u go (Chen et al. 2022, "Task-Specific
// Expert Pruning"): of n living ones those with u / Σ u <= threshold / n, the sum over the living, again
// until none goes; at least `least` stay.
index living_experts(std::vector<double> usage, double threshold, index least);

// Throws Exit::usage if removing experts is not defined for a router of the model: it groups experts,
// has choices without experts, chooses by token id, or does not assign tokens.
void require_prunable(const Transformer& model);

// The tensors of a model of the same settings with fewer experts: of those with an axis of experts the
// kept ones, and all others as they are. Throws Exit::usage if the router has none by expert.
HostTensors prune_experts(const HostTensors& tensors, const Transformer& model,
                          const std::vector<std::vector<index>>& kept, const ExpertAxes& axes);

}  // namespace moesim
