#include "experiments/import/gate_rule.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {

const std::vector<std::string>& gate_rules() {
  static const std::vector<std::string> names = {"softmax", "softmax-of-chosen", "sigmoid"};
  return names;
}

std::vector<std::int32_t> largest(const std::vector<double>& logits, index k) {
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto logit = [&](std::int32_t e) { return logits[static_cast<std::size_t>(e)]; };
  std::partial_sort(order.begin(), order.begin() + k, order.end(),
                    [&](std::int32_t a, std::int32_t b) {
                      return logit(a) != logit(b) ? logit(a) > logit(b) : a < b;
                    });
  order.resize(static_cast<std::size_t>(k));
  return order;
}

std::vector<double> gates_by(const std::string& rule, const std::vector<double>& logits,
                             const std::vector<std::int32_t>& chosen) {
  std::vector<double> gates;
  gates.reserve(chosen.size());
  for (const std::int32_t e : chosen) gates.push_back(logits[static_cast<std::size_t>(e)]);
  if (rule == "sigmoid") {
    for (double& gate : gates) gate = 1 / (1 + std::exp(-gate));
    return gates;
  }
  const std::vector<double>& among = rule == "softmax" ? logits : gates;
  const double most = *std::max_element(among.begin(), among.end());
  double sum = 0;
  for (const double logit : among) sum += std::exp(logit - most);
  for (double& gate : gates) gate = std::exp(gate - most) / sum;
  return gates;
}

}  // namespace moesim
