#include "sim/moe/policies/positive_choices.hpp"

#include "sim/ops/ops.hpp"

namespace moesim {

Indices positive_choices(const Tensor& gates) {
  const index T = gates.rows(), E = gates.cols();
  Backend& backend = gates.backend();
  const Indices experts = map_indices({.shape = {T, E, 1}, .add = {0, 1}}, backend);
  return where_less(Tensor::zeros({T, E}, backend), gates, experts, {});
}

}  // namespace moesim
