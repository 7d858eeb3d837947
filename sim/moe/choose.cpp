#include "sim/moe/choose.hpp"

#include "sim/core/error.hpp"
#include "sim/ops/indices.hpp"
#include "sim/ops/rows.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {

index Capacity::rows(index n, index k, index experts) const {
  if (absolute > 0) return absolute;
  if (factor == 0) return 0;
  const double exact = factor * static_cast<double>(n) * static_cast<double>(per_choice ? k : 1) /
                       static_cast<double>(experts);
  // A product such as 1.2 · 10 / 4 must not be rounded up for its last bit.
  const double nearest = std::nearbyint(exact);
  const double value = std::abs(exact - nearest) < 1e-9 * std::max(1.0, exact) ? nearest : exact;
  double rounded = 0;
  switch (rounding) {
    case Rounding::ceil:
      rounded = std::ceil(value);
      break;
    case Rounding::floor:
      rounded = std::floor(value);
      break;
    case Rounding::round:
      rounded = std::nearbyint(value);
      break;
  }
  const index rows = std::min(n, static_cast<index>(rounded));
  const index multiple_rows = (rows + multiple - 1) / multiple * multiple;
  return std::max<index>({1, minimum, std::min(n, multiple_rows)});
}

Rounding rounding_of(const std::string& name) {
  if (name == "floor") return Rounding::floor;
  return name == "round" ? Rounding::round : Rounding::ceil;
}

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
