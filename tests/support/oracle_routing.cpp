#include "tests/support/oracle_routing.hpp"

#include "tests/support/plugin.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <variant>

namespace moesim::testing {

Sent sent(const Routing& routing, index tokens, index experts) {
  const auto& plan = std::get<Assignment>(routing.plan);
  const auto size = static_cast<std::size_t>(tokens * experts);
  Sent result{tokens, experts, std::vector<double>(size), std::vector<double>(size), 0};
  const std::vector<std::int32_t> token = plan.token.to_host();
  const std::vector<std::int32_t> offset = plan.experts.offset.to_host();
  result.rows = offset.back();  // without the padding rows of a device
  const std::vector<double> gate =
      plan.gate ? host(plan.gate) : std::vector<double>(token.size(), 1);
  for (index e = 0; e < experts; ++e)
    for (auto i = static_cast<std::size_t>(offset[static_cast<std::size_t>(e)]);
         i < static_cast<std::size_t>(offset[static_cast<std::size_t>(e) + 1]); ++i) {
      const auto at = static_cast<std::size_t>(token[i] * experts + e);
      result.kept[at] += 1;
      result.gate[at] += gate[i];
    }
  return result;
}

std::vector<double> ranked(const std::vector<double>& values, index cols, index k) {
  std::vector<double> result;
  for (std::size_t row = 0; row < values.size(); row += static_cast<std::size_t>(cols)) {
    std::vector<std::size_t> order(static_cast<std::size_t>(cols));
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return values[row + a] > values[row + b];
    });
    result.insert(result.end(), order.begin(), order.begin() + k);
  }
  return result;
}

std::vector<double> at_columns(const std::vector<double>& values, index cols,
                               const std::vector<double>& column) {
  const std::size_t rows = values.size() / static_cast<std::size_t>(cols);
  std::vector<double> result;
  for (std::size_t i = 0; i < column.size(); ++i)
    result.push_back(values[i / (column.size() / rows) * static_cast<std::size_t>(cols) +
                            static_cast<std::size_t>(column[i])]);
  return result;
}

std::vector<double> logits_of(const Tensor& scores, const StoredArray& stored, index cols) {
  std::vector<double> result = host(scores);
  const auto n = static_cast<std::size_t>(cols);
  for (std::size_t row = 0; row + n <= std::min(result.size(), stored.values.size()); row += n) {
    double total = 0;
    for (std::size_t c = 0; c < n; ++c) total += std::exp(stored.values[row + c]);
    for (std::size_t c = 0; c < n; ++c)
      result[row + c] = std::log(result[row + c]) + std::log(total);
  }
  return result;
}

}  // namespace moesim::testing
