// Helpers of tests of transformations.
#pragma once

#include "sim/train/loading.hpp"
#include "sim/train/output_change.hpp"
#include "sim/train/upcycle.hpp"
#include "sim/transform/expert_axes.hpp"
#include "tests/train/support.hpp"

#include <string>
#include <vector>

namespace moesim::testing {

using Values = std::vector<std::string>;
using Groups = std::vector<std::vector<index>>;

// Settings of two MoE layers without capacity.
inline Values two_layers(const Values& more) {
  Values values = {"model.layers", "2", "router.token_choice.capacity_factor_eval", "0"};
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

inline HostTensors tensors_of(const Training& training) {
  HostTensors tensors;
  for (const NamedTensor& t : training.trainer->weights())
    tensors[t.name] = {lengths_of(t.value.shape()), t.value.to_host()};
  return tensors;
}

// The axes of experts, by comparison with one more expert.
inline ExpertAxes axes_of(const Training& training, Values values) {
  const index experts = training.model->config().experts;
  values.insert(values.end(), {"moe.experts", std::to_string(experts + 1)});
  const Training wider(values, 1);
  return expert_axes(training.trainer->weights(), wider.trainer->weights(), experts, experts + 1);
}

inline void give(const HostTensors& tensors, const Training& training) {
  for (const NamedTensor& t : training.trainer->weights())
    t.value.from_host(tensors.at(t.name).values);
}

// How the outputs of two models of equal inputs differ.
inline OutputChange change_of(Training& before, Training& after) {
  return output_change(*before.model, before.backend, *after.model, after.backend, *after.task,
                       after.trainer->evaluator());
}

}  // namespace moesim::testing
