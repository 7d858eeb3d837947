#include "sim/transform/prune.hpp"

#include "sim/core/error.hpp"
#include "sim/core/random.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

namespace moesim {
namespace {

HostTensor gathered(const HostTensor& tensor, std::size_t axis, const std::vector<index>& kept) {
  const auto [outer, inner] = around(tensor.shape, axis);
  HostTensor part{tensor.shape, {}};
  part.shape[axis] = static_cast<std::int64_t>(kept.size());
  for (index o = 0; o < outer; ++o)
    for (const index e : kept) {
      const auto from = tensor.values.begin() + (o * tensor.shape[axis] + e) * inner;
      part.values.insert(part.values.end(), from, from + inner);
    }
  return part;
}

}  // namespace

std::vector<std::vector<index>> kept_experts(const Pruning& how,
                                             const std::vector<LayerStatistics>& use,
                                             std::uint64_t seed,
                                             const std::vector<std::vector<double>>& saliency) {
  std::vector<std::vector<index>> kept;
  for (std::size_t layer = 0; layer < use.size(); ++layer) {
    const Stream stream{seed, Purpose::sampling, 0, static_cast<std::uint32_t>(layer)};
    const std::size_t experts = use[layer].demand.size();
    const auto score = [&](index e) {
      const auto at = static_cast<std::size_t>(e);
      if (how.score == Pruning::Score::random) return random_uniform(stream, at);
      if (how.score == Pruning::Score::reap) return saliency[layer].at(at);
      return how.score == Pruning::Score::usage ? use[layer].demand[at] : use[layer].importance[at];
    };
    std::vector<index> order(experts);
    std::iota(order.begin(), order.end(), index{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](index a, index b) { return score(a) > score(b); });
    order.resize(std::min(experts, static_cast<std::size_t>(how.keep)));
    std::sort(order.begin(), order.end());
    kept.push_back(std::move(order));
  }
  return kept;
}

index living_experts(std::vector<double> usage, double threshold, index least) {
  std::sort(usage.begin(), usage.end(), std::greater<>());
  auto living = static_cast<index>(usage.size());
  for (;;) {
    const auto end = usage.begin() + living;
    const double bound = threshold * std::accumulate(usage.begin(), end, 0.0);
    const auto staying = std::count_if(
        usage.begin(), end, [&](double u) { return u * static_cast<double>(living) > bound; });
    const index next = std::max<index>(staying, std::min(least, living));
    if (next == living) return living;
    living = next;
  }
}

void require_prunable(const Transformer& model) {
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i) {
    const Traits& traits = model.moe_layer(i).router().traits();
    const char* why = !traits.assigns                   ? "does not assign tokens to experts"
                      : traits.expert_groups > 1        ? "has groups of experts"
                      : traits.fixed_choices            ? "chooses by token id or position"
                      : traits.choices > traits.experts ? "has choices that run no expert"
                      : traits.cost.rows_per_token == 0 ? "has experts of its own"
                                                        : nullptr;
    if (why != nullptr)
      fail(Exit::usage, fmt::format("router.name = {} {}, so removing experts is not defined; "
                                    "choose another run",
                                    model.config().router, why));
  }
}

HostTensors prune_experts(const HostTensors& tensors, const Transformer& model,
                          const std::vector<std::vector<index>>& kept, const ExpertAxes& axes) {
  HostTensors made = tensors;
  for (std::size_t layer = 0; layer < kept.size(); ++layer) {
    const std::string prefix = fmt::format("blocks.{}.moe.", model.moe_blocks()[layer]);
    bool routed = false;
    for (auto& [name, tensor] : made) {
      if (!name.starts_with(prefix) && !name.starts_with("adapters." + prefix)) continue;
      const auto axis = axes.find(name);
      if (axis == axes.end()) continue;
      routed = routed || name.starts_with(prefix + "router.");
      tensor = gathered(tensor, axis->second, kept[layer]);
    }
    if (!routed)
      fail(Exit::usage,
           fmt::format("router.name = {}: no parameter of {}router stands for one "
                       "expert, so removing experts is not defined; choose another run",
                       model.config().router, prefix));
  }
  return made;
}

}  // namespace moesim
