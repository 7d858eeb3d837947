#include "sim/moe/policies/merged_choices.hpp"

#include "sim/moe/choose.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>

namespace moesim {

Assignment assign_merged(const Indices& choice, const Tensor& gates, index experts) {
  const index T = gates.rows(), m = gates.cols();
  Backend& backend = gates.backend();
  const Tensor name = to_real(choice, {T, m}, 1);
  const auto table = [&](index i, index j) {  // [T·m·m]: the i-th, or the j-th choice
    return pick(name, map_indices({.shape = {T, m, m}, .add = {m, i, j}}, backend));
  };
  // 1 for equal numbers, else 0: other integers differ by at least 1.
  const Tensor equal =
      relu(affine(square(sub(table(1, 0), table(0, 1))), -1, 1)).reshape({T, m * m});
  const Tensor sums = batched_matmul(equal.reshape({T, m, m}), gates.reshape({T, m, 1}));
  std::vector<real> earlier(static_cast<std::size_t>(m * m), 0);  // 1 where j < i
  for (index i = 0; i < m; ++i) std::fill_n(earlier.begin() + i * m, i, real(1));
  const Tensor before =
      sum_cols(mul_row(equal, Tensor::of({m * m}, earlier, backend)).reshape({T * m, m}));
  const Indices first = where_less(before, Tensor::full({T * m}, real(0.5), backend), choice, {});
  return assign(first, first, m, experts, sums.reshape({T, m}));
}

}  // namespace moesim
