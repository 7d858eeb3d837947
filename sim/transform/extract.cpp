#include "sim/transform/extract.hpp"

#include "sim/core/error.hpp"
#include "sim/train/unit_axes.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

using Role = HiddenUnits::Role;

TaskExperts experts_of(const Routing& routing, index tokens) {
  const auto& plan = std::get<Assignment>(routing.plan);
  const std::vector<std::int32_t> offset = plan.experts.offset.to_host();
  const std::vector<real> gate = plan.gate ? plan.gate.to_host() : std::vector<real>();
  TaskExperts own;
  for (std::size_t e = 0; e + 1 < offset.size(); ++e) {
    if (offset[e + 1] == offset[e]) continue;
    if (offset[e + 1] - offset[e] != tokens)
      fail_in("extract", "tokens of one task have different experts");
    own.experts.push_back(static_cast<index>(e));
    own.gates.push_back(gate.empty() ? 1 : gate[static_cast<std::size_t>(offset[e])]);
  }
  return own;
}

// The parameter of one network that joins these experts. tensor: [E, ...].
HostTensor joined(const HostTensor& tensor, Role role, const TaskExperts& own) {
  const UnitAxes axes = axes_of(tensor.shape, role);
  const bool units = role != Role::out_bias && role != Role::whole;
  const bool scaled = role == Role::out || !units;
  const index k = units ? static_cast<index>(own.experts.size()) : 1;
  HostTensor one{tensor.shape, {}};
  one.shape.front() = 1;
  one.shape[one.shape.size() - (role == Role::out ? 2 : 1)] *= k;
  one.values.assign(static_cast<std::size_t>(k * axes.size()), 0);
  for (std::size_t i = 0; i < own.experts.size(); ++i) {
    const real gate = scaled ? own.gates[i] : real(1);
    auto from = tensor.values.begin() + own.experts[i] * axes.size();
    for (index o = 0; o < axes.outer; ++o) {
      const index first = units ? (o * k + static_cast<index>(i)) * axes.units : o;
      for (index at = 0; at < axes.units * axes.inner; ++at, ++from) {
        real& to = one.values[static_cast<std::size_t>(first * axes.inner + at)];
        to = units || i == 0 ? gate * *from : to + gate * *from;
      }
    }
  }
  return one;
}

}  // namespace

void require_extractable(const Transformer& model, bool by_label) {
  if (model.adapters() != nullptr)
    fail(Exit::usage,
         model.adapters()->all().front()->config().mixes()
             ? "command line: extract: the run has adapters whose weights depend on the token, so "
               "that no network equals them; choose a run without adapters, or with adapter.kind = "
               "lora"
             : "command line: extract: the run has adapters; fold them first: moesim transform RUN "
               "fold");
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i) {
    if (model.config().router != "task" && !by_label)
      fail(Exit::usage,
           fmt::format("router.name = {} does not choose experts by task alone, so that no task "
                       "has experts of its own; extract takes runs with router.name = task, and "
                       "with sentence if router.sentence.by = label, data.name = tasks and "
                       "data.input = label",
                       model.config().router));
    if (model.moe_layer(i).expert().hidden_units().parts.empty())
      fail(Exit::usage,
           fmt::format("blocks.{}.moe.experts do not say which of their parameters belong to "
                       "hidden units, so that they cannot be joined; choose a run with another "
                       "expert.name, and moe.at = feed_forward",
                       model.moe_blocks()[i]));
  }
}

std::vector<TaskExperts> experts_of_task(Transformer& model, const ModelInput& input, index task) {
  const index tokens = input.batch * input.length;
  ModelInput of_task = input;
  of_task.domains = Indices::of(
      std::vector<std::int32_t>(static_cast<std::size_t>(tokens), static_cast<std::int32_t>(task)),
      input.ids ? input.ids.backend() : input.features.backend());
  std::vector<TaskExperts> layers;
  Context context;
  context.on_routing = [&](index, const Routing& routing) {
    layers.push_back(experts_of(routing, tokens));
  };
  std::vector<Loss> losses;
  model.forward(of_task, context, losses);
  return layers;
}

HostTensors extract_task(const HostTensors& tensors, const Transformer& model,
                         const std::vector<TaskExperts>& layers) {
  HostTensors made = tensors;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string moe = fmt::format("blocks.{}.moe.", model.moe_blocks()[i]);
    for (const auto& part : model.moe_layer(i).expert().hidden_units().parts) {
      HostTensor& own = made.at(moe + "experts." + part.name);
      own = joined(own, part.role, layers[i]);
    }
    std::erase_if(made, [&](const auto& one) { return one.first.starts_with(moe + "router."); });
  }
  return made;
}

}  // namespace moesim
