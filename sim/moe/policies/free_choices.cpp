#include "sim/moe/policies/free_choices.hpp"

#include "sim/ops/ops.hpp"

#include <numeric>
#include <variant>
#include <vector>

namespace moesim {

Indices choices_below(const Indices& choice, index last, index all) {
  if (last == all) return choice;
  std::vector<std::int32_t> table(static_cast<std::size_t>(all), -1);
  std::iota(table.begin(), table.begin() + last, 0);
  return look_up(Indices::of(table, choice.backend()), choice);
}

Tensor gates_of_choices(const Tensor& gates, const Indices& choice, index first, index count,
                        index all) {
  const index T = gates.rows(), k = gates.cols();
  std::vector<std::int32_t> table(static_cast<std::size_t>(all), -1);
  std::iota(table.begin() + first, table.begin() + first + count, 0);
  const Indices place = look_up(Indices::of(table, choice.backend()), choice);  // [T·k], -1: others
  return combine_rows(gates.reshape({T * k, 1}), {}, entries_of(place, k, count), T * count)
      .reshape({T, count});
}

Metric real_choices(const Assignment& plan, index tokens) {
  const double each = 1 / static_cast<double>(tokens);
  return {"real_choices", sum(to_real(plan.demand, {plan.demand.size()}, each))};
}

void add_identity(Routing& routing, const Tensor& gates, const Indices& choice, index experts,
                  index all) {
  if (experts == all) return;
  auto& plan = std::get<Assignment>(routing.plan);
  const Tensor weight =
      sum_cols(gates_of_choices(gates, choice, experts, all - experts, all));  // [T]
  plan.bypass = plan.bypass ? add(plan.bypass, weight) : weight;
  routing.metrics.push_back(real_choices(plan, gates.rows()));
}

Tensor columns_of(const Tensor& x, index first, index count) {
  const index T = x.rows(), all = x.cols();
  if (first == 0 && count == all) return x;
  const Indices at =
      map_indices({.shape = {T, count, 1}, .add = {all, 1}, .base = first}, x.backend());
  return pick(x, at).reshape({T, count});
}

}  // namespace moesim
