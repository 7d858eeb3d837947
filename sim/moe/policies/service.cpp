#include "sim/moe/policies/service.hpp"

#include <algorithm>
#include <numeric>

namespace moesim {
namespace {

using Numbers = std::vector<std::int32_t>;

// Sorts by falling values; stable. NaN comes last.
void sort_falling(Numbers& items, const std::vector<real>& values) {
  std::stable_sort(items.begin(), items.end(), [&](std::int32_t a, std::int32_t b) {
    const real va = values[static_cast<std::size_t>(a)], vb = values[static_cast<std::size_t>(b)];
    return va > vb || (va == va && vb != vb);
  });
}

void add_group(const ServiceRank& rank, index begin, Numbers& order) {
  Numbers tokens(static_cast<std::size_t>(rank.group));
  std::iota(tokens.begin(), tokens.end(), static_cast<std::int32_t>(begin));
  if (!rank.first.empty()) sort_falling(tokens, rank.first);
  const auto k = static_cast<std::int32_t>(rank.k);
  Numbers entries;
  entries.reserve(tokens.size() * static_cast<std::size_t>(k));
  if (rank.by_choice) {
    for (std::int32_t j = 0; j < k; ++j)
      for (const std::int32_t token : tokens) entries.push_back(token * k + j);
  } else {
    for (const std::int32_t token : tokens)
      for (std::int32_t j = 0; j < k; ++j) entries.push_back(token * k + j);
  }
  if (!rank.values.empty()) sort_falling(entries, rank.values);
  order.insert(order.end(), entries.begin(), entries.end());
}

}  // namespace

std::vector<std::int32_t> service_order(const ServiceRank& rank) {
  Numbers order;
  order.reserve(static_cast<std::size_t>(rank.tokens * rank.k));
  for (index begin = 0; begin < rank.tokens; begin += rank.group) add_group(rank, begin, order);
  return order;
}

std::shared_ptr<DemandList> demand_of_experts(const Indices& asked, const Indices& served,
                                              const Indices& token, const Tensor& gate) {
  const Numbers asked_of = asked.to_host(), served_of = served.to_host(), tokens = token.to_host();
  const std::vector<real> gates = gate.to_host();
  auto list = std::make_shared<DemandList>();
  const std::size_t T = tokens.size() / asked_of.size();
  for (std::size_t e = 0; e < asked_of.size(); ++e)
    for (std::size_t i = 0; i < static_cast<std::size_t>(asked_of[e]); ++i)
      list->rows.push_back({.token = tokens[e * T + i],
                            .expert = static_cast<std::int32_t>(e),
                            .choice = -1,
                            .served = i < static_cast<std::size_t>(served_of[e]),
                            .gate = gates[e * T + i]});
  return list;
}

}  // namespace moesim
