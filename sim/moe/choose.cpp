#include "sim/moe/choose.hpp"

#include "sim/core/error.hpp"
#include "sim/ops/indices.hpp"
#include "sim/ops/rows.hpp"

#include <algorithm>

namespace moesim {

Segments equal_segments(index pieces, index rows_each, Backend& backend) {
  return {.offset = map_indices({.shape = {pieces + 1, 1, 1}, .add = {rows_each}}, backend),
          .rows = pieces * rows_each,
          .each = rows_each};
}

// Reading the number of rows would synchronise with the device, so rows are padded to the most
// there can be; padding rows have token -1.
Assignment assign(const Indices& choice, const Indices& kept, index k, index experts,
                  const Tensor& gates, index most) {
  Backend& backend = choice.backend();
  Assignment plan;
  plan.experts.offset = Indices::empty(experts + 1, backend);
  Indices order = Indices::empty(kept.size(), backend);
  backend.sort_by_key(kept.data(), kept.size(), experts, plan.experts.offset.data(), order.data());
  plan.experts.rows =
      backend.on_host() ? plan.experts.offset.data()[experts] : std::min(most, kept.size());
  order = order.first(plan.experts.rows);
  plan.token = k == 1
                   ? order
                   : map_indices(order, {.shape = {order.size(), 1, 1}, .from = {1}, .divide = k});
  plan.demand = histogram(choice, experts);
  if (gates) plan.gate = pick(gates, order);
  return plan;
}

}  // namespace moesim
