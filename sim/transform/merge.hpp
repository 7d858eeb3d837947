// Merging replaces groups of experts by one expert each, a weighted mean of their weights (Li et al.
// 2024, "Merge, Then Compress", MC-SMoE).
//
//   W = Σ_e α_e P_e W_e,  Σ α_e = 1, over the experts e of a group
//
// P_e permutes the hidden units of expert e, which leaves its function as it is, so that they match
// those of the group's core.
#pragma once

#include "sim/model/transformer.hpp"
#include "sim/moe/layer_statistics.hpp"
#include "sim/train/optimiser.hpp"
#include "sim/train/upcycle.hpp"
#include "sim/transform/expert_axes.hpp"

#include <vector>

namespace moesim {

struct ExpertMerge {
  enum class Weights { mean, usage };
  // none: P_e = 1. weights: the permutation with the largest Σ_i of products of all weights of unit i
  // of the core and of the unit that takes its place.
  enum class Align { none, weights };
  // What is alike about the experts of a group: the cosine of their columns of the router, or of all
  // their weights.
  enum class Similarity { router, weights };
  // bind: the router keeps all experts, and those of a group have equal weights; a token that chose
  // two of them gets the sum of their gates. fold: one expert per group, with the mean of its columns of
  // the router by α, which changes routing.
  enum class Router { bind, fold };
  index groups = 1;  // per layer
  Weights weights = Weights::usage;
  Align align = Align::weights;
  Similarity similarity = Similarity::router;
  Router router = Router::bind;
};

// MergeGroup is the experts that become one. core: the most used.
struct MergeGroup {
  index core = 0;
  std::vector<index> members;  // in ascending order, with the core
  std::vector<double> share;   // α of each member
};

// The groups of a layer, in order of their cores: the most used experts are cores, of equal ones the
// lower; every other expert joins the core that it is most similar to. similarity [E, E].
std::vector<MergeGroup> merge_groups(const ExpertMerge& how, const LayerStatistics& use,
                                     const std::vector<double>& similarity);

// The similarity of the experts of an MoE layer. -> [E, E]. Throws Exit::usage for a router without
// parameters by expert.
std::vector<double> expert_similarity(ExpertMerge::Similarity kind, const HostTensors& tensors,
                                      const Transformer& model, std::size_t layer,
                                      const ExpertAxes& axes);

// Gives every expert of a group the weights of the merged one. Throws Exit::usage for experts that
// do not say which of their parameters belong to hidden units.
void merge_experts(const ExpertMerge& how, const std::vector<std::vector<MergeGroup>>& layers,
                   const Transformer& model, HostTensors& tensors);

// Gives the core of every group the mean of its columns of the router, and of its buffers, for `fold`;
// prune_experts() then keeps the cores.
void fold_routers(const std::vector<std::vector<MergeGroup>>& layers, const Transformer& model,
                  const ExpertAxes& axes, HostTensors& tensors);

}  // namespace moesim
