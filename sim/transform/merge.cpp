#include "sim/transform/merge.hpp"

#include "sim/core/assignment_problem.hpp"
#include "sim/core/error.hpp"
#include "sim/train/unit_axes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {
namespace {

using Role = HiddenUnits::Role;

std::string layer_name(const Transformer& model, std::size_t layer) {
  return fmt::format("blocks.{}.moe.", model.moe_blocks()[layer]);
}

// A parameter of a bank with the place of its hidden units.
struct BankPart {
  HostTensor* tensor;
  UnitAxes axes;
  bool has_units;
  real& at(index e, index o, index unit, index i) const {
    return tensor->values[static_cast<std::size_t>(e * axes.size() +
                                                   (o * axes.units + unit) * axes.inner + i)];
  }
};

std::vector<BankPart> parts_of(const Transformer& model, std::size_t layer, HostTensors& tensors) {
  const std::string prefix = layer_name(model, layer) + "experts.";
  const HiddenUnits units = model.moe_layer(layer).expert().hidden_units();
  if (units.parts.empty())
    fail(Exit::usage, fmt::format("merge: {} do not say which of their parameters belong to hidden "
                                  "units; choose a run with another expert.name",
                                  prefix.substr(0, prefix.size() - 1)));
  std::vector<BankPart> parts;
  for (const auto& part : units.parts) {
    HostTensor& tensor = tensors.at(prefix + part.name);
    parts.push_back({&tensor, axes_of(tensor.shape, part.role),
                     part.role != Role::out_bias && part.role != Role::whole});
  }
  return parts;
}

// The unit of expert `other` for the place of each unit of the core.
std::vector<index> matching_units(const std::vector<BankPart>& parts, index core, index other) {
  index H = 1;
  for (const BankPart& part : parts)
    if (part.has_units) H = part.axes.units;
  std::vector<double> gains(static_cast<std::size_t>(H * H), 0);
  for (const BankPart& part : parts) {
    if (!part.has_units) continue;
    for (index a = 0; a < H; ++a)
      for (index b = 0; b < H; ++b) {
        double sum = 0;
        for (index o = 0; o < part.axes.outer; ++o)
          for (index i = 0; i < part.axes.inner; ++i)
            sum += static_cast<double>(part.at(core, o, a, i)) *
                   static_cast<double>(part.at(other, o, b, i));
        gains[static_cast<std::size_t>(a * H + b)] += sum;
      }
  }
  return best_matching(gains, H).column_of;
}

void merge_group(const ExpertMerge& how, const MergeGroup& group,
                 const std::vector<BankPart>& parts) {
  std::vector<std::vector<double>> merged;
  for (const BankPart& part : parts)
    merged.emplace_back(static_cast<std::size_t>(part.axes.size()), 0);
  for (std::size_t m = 0; m < group.members.size(); ++m) {
    const index e = group.members[m];
    std::vector<index> unit_of;
    if (how.align == ExpertMerge::Align::weights && e != group.core)
      unit_of = matching_units(parts, group.core, e);
    for (std::size_t p = 0; p < parts.size(); ++p) {
      const BankPart& part = parts[p];
      std::size_t to = 0;
      for (index o = 0; o < part.axes.outer; ++o)
        for (index unit = 0; unit < part.axes.units; ++unit)
          for (index i = 0; i < part.axes.inner; ++i, ++to) {
            const bool moved = part.has_units && !unit_of.empty();
            const index from = moved ? unit_of[static_cast<std::size_t>(unit)] : unit;
            merged[p][to] += group.share[m] * static_cast<double>(part.at(e, o, from, i));
          }
    }
  }
  for (const index e : group.members)
    for (std::size_t p = 0; p < parts.size(); ++p)
      for (std::size_t i = 0; i < merged[p].size(); ++i)
        parts[p].tensor->values[static_cast<std::size_t>(e * parts[p].axes.size()) + i] =
            static_cast<real>(merged[p][i]);
}

// The tensors of a layer's router with an axis of E experts.
struct ByExpert {
  HostTensor* tensor;
  index outer, inner;  // [outer, E, inner]
};
std::vector<ByExpert> router_parts(const Transformer& model, std::size_t layer,
                                   HostTensors& tensors, const ExpertAxes& axes) {
  const std::string prefix = layer_name(model, layer) + "router.";
  std::vector<ByExpert> parts;
  for (const auto& [name, axis] : axes) {
    if (!name.starts_with(prefix)) continue;
    HostTensor& tensor = tensors.at(name);
    const auto [outer, inner] = around(tensor.shape, axis);
    parts.push_back({&tensor, outer, inner});
  }
  return parts;
}

// [E, values] of every expert.
std::vector<std::vector<double>> vectors_of(ExpertMerge::Similarity kind, HostTensors& tensors,
                                            const Transformer& model, std::size_t layer,
                                            const ExpertAxes& axes) {
  const index E = model.moe_layer(layer).expert().experts();
  std::vector<std::vector<double>> vectors(static_cast<std::size_t>(E));
  if (kind == ExpertMerge::Similarity::router) {
    for (const ByExpert& part : router_parts(model, layer, tensors, axes))
      for (index e = 0; e < E; ++e)
        for (index o = 0; o < part.outer; ++o)
          for (index i = 0; i < part.inner; ++i)
            vectors[static_cast<std::size_t>(e)].push_back(static_cast<double>(
                part.tensor->values[static_cast<std::size_t>((o * E + e) * part.inner + i)]));
    return vectors;
  }
  for (const BankPart& part : parts_of(model, layer, tensors))
    for (index e = 0; e < E; ++e) {
      const auto from = part.tensor->values.begin() + e * part.axes.size();
      vectors[static_cast<std::size_t>(e)].insert(vectors[static_cast<std::size_t>(e)].end(), from,
                                                  from + part.axes.size());
    }
  return vectors;
}

double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  const auto dot = [](const auto& x, const auto& y) {
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  };
  const double lengths = std::sqrt(dot(a, a) * dot(b, b));
  return lengths > 0 ? dot(a, b) / lengths : 0;
}

}  // namespace

std::vector<double> expert_similarity(ExpertMerge::Similarity kind, const HostTensors& tensors,
                                      const Transformer& model, std::size_t layer,
                                      const ExpertAxes& axes) {
  HostTensors own = tensors;
  const auto vectors = vectors_of(kind, own, model, layer, axes);
  if (vectors.front().empty())
    fail(Exit::usage, fmt::format("merge: the router of {} has no parameters by expert; compare "
                                  "their weights instead",
                                  layer_name(model, layer)));
  std::vector<double> similarity;
  for (const auto& a : vectors)
    for (const auto& b : vectors) similarity.push_back(cosine(a, b));
  return similarity;
}

std::vector<MergeGroup> merge_groups(const ExpertMerge& how, const LayerStatistics& use,
                                     const std::vector<double>& similarity) {
  const std::size_t E = use.demand.size();
  std::vector<index> order(E);
  std::iota(order.begin(), order.end(), index{0});
  std::stable_sort(order.begin(), order.end(), [&](index a, index b) {
    return use.demand[static_cast<std::size_t>(a)] > use.demand[static_cast<std::size_t>(b)];
  });
  order.resize(std::min(E, static_cast<std::size_t>(how.groups)));
  std::sort(order.begin(), order.end());
  std::vector<MergeGroup> groups;
  for (const index core : order) groups.push_back({core, {}, {}});
  for (std::size_t e = 0; e < E; ++e) {
    const auto own = std::find(order.begin(), order.end(), static_cast<index>(e));
    const auto nearer = [&](const MergeGroup& a, const MergeGroup& b) {
      return similarity[e * E + static_cast<std::size_t>(a.core)] <
             similarity[e * E + static_cast<std::size_t>(b.core)];
    };
    MergeGroup& group = own != order.end()
                            ? groups[static_cast<std::size_t>(own - order.begin())]
                            : *std::max_element(groups.begin(), groups.end(), nearer);
    group.members.push_back(static_cast<index>(e));
  }
  for (MergeGroup& group : groups) {
    double all = 0;
    for (const index e : group.members) all += use.demand[static_cast<std::size_t>(e)];
    for (const index e : group.members)
      group.share.push_back(how.weights == ExpertMerge::Weights::usage && all > 0
                                ? use.demand[static_cast<std::size_t>(e)] / all
                                : 1 / static_cast<double>(group.members.size()));
  }
  return groups;
}

void merge_experts(const ExpertMerge& how, const std::vector<std::vector<MergeGroup>>& layers,
                   const Transformer& model, HostTensors& tensors) {
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const std::vector<BankPart> parts = parts_of(model, layer, tensors);
    for (const MergeGroup& group : layers[layer])
      if (group.members.size() > 1) merge_group(how, group, parts);
  }
}

void fold_routers(const std::vector<std::vector<MergeGroup>>& layers, const Transformer& model,
                  const ExpertAxes& axes, HostTensors& tensors) {
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const index E = model.moe_layer(layer).expert().experts();
    for (const ByExpert& part : router_parts(model, layer, tensors, axes))
      for (const MergeGroup& group : layers[layer]) {
        if (group.members.size() == 1) continue;
        for (index o = 0; o < part.outer; ++o)
          for (index i = 0; i < part.inner; ++i) {
            const auto at = [&](index e) -> real& {
              return part.tensor->values[static_cast<std::size_t>((o * E + e) * part.inner + i)];
            };
            double mean = 0;
            for (std::size_t m = 0; m < group.members.size(); ++m)
              mean += group.share[m] * static_cast<double>(at(group.members[m]));
            at(group.core) = static_cast<real>(mean);
          }
      }
  }
}

}  // namespace moesim
