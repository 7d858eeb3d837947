// mixing_map() and merging_map() read the weights of a plan from the device: what tables of traces have
// for routers without assignments.
#pragma once

#include "sim/moe/routing.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace moesim {

// MixingMap is the weights of the tokens and slots of some sequences (Puigcerver et al., 2024: D and C).
struct MixingMap {
  index sequences = 0, length = 0, experts = 0, slots = 0;  // slots of an expert
  std::vector<float> dispatch, combine;                     // [sequences, length, experts, slots]
};

// Of the first `most` sequences. None if the plan is no mixing, or its groups are not sequences
// (Mixing::order).
std::optional<MixingMap> mixing_map(const Routing& routing, index most);

// MergingMap is the weights of the experts in every merged one.
struct MergingMap {
  index experts = 0;
  std::vector<float> weight;         // [groups, experts]
  std::vector<std::int32_t> offset;  // [groups + 1] tokens of a group
};

// None if the plan is no merging.
std::optional<MergingMap> merging_map(const Routing& routing);

}  // namespace moesim
