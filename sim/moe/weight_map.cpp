#include "sim/moe/weight_map.hpp"

#include "sim/backend/backend.hpp"

#include <algorithm>

namespace moesim {
namespace {

std::vector<float> first_values(const Tensor& tensor, index count) {
  const std::vector<real> all = tensor.to_host();
  std::vector<float> values(static_cast<std::size_t>(count));
  std::transform(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count), values.begin(),
                 [](real value) { return static_cast<float>(value); });
  return values;
}

}  // namespace

std::optional<MixingMap> mixing_map(const Routing& routing, index most) {
  const auto* plan = std::get_if<Mixing>(&routing.plan);
  if (plan == nullptr || plan->order) return {};
  MixingMap map{.sequences = std::min(most, plan->dispatch.dim(0)),
                .length = plan->dispatch.dim(1),
                .experts = plan->dispatch.dim(2) / plan->slots_per_expert,
                .slots = plan->slots_per_expert,
                .dispatch = {},
                .combine = {}};
  const index count = map.sequences * map.length * map.experts * map.slots;
  map.dispatch = first_values(plan->dispatch, count);
  map.combine = first_values(plan->combine, count);
  return map;
}

std::optional<MergingMap> merging_map(const Routing& routing) {
  const auto* plan = std::get_if<Merging>(&routing.plan);
  if (plan == nullptr) return {};
  return MergingMap{.experts = plan->weights.dim(1),
                    .weight = first_values(plan->weights, plan->weights.size()),
                    .offset = plan->groups.offset.to_host()};
}

}  // namespace moesim
