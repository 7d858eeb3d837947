#include "sim/train/gate_sum.hpp"

#include <algorithm>
#include <numeric>
#include <variant>

namespace moesim {
namespace {

GateSum sum_of(const Assignment& plan, std::size_t tokens) {
  std::vector<double> sums(tokens, 0);
  std::vector<char> dropped(tokens, 0);
  if (plan.demanded) {
    for (const DemandList::Row& row : plan.demanded->rows) {
      const auto t = static_cast<std::size_t>(row.token);
      sums[t] += row.gate;
      if (!row.served) dropped[t] = 1;
    }
  } else {
    const std::vector<std::int32_t> token =
        plan.token ? plan.token.to_host() : std::vector<std::int32_t>();
    const std::vector<real> gate = plan.gate ? plan.gate.to_host() : std::vector<real>();
    const std::size_t rows = plan.token ? token.size() : tokens;
    for (std::size_t i = 0; i < rows; ++i)
      if (token.empty() || token[i] >= 0)
        sums[token.empty() ? i : static_cast<std::size_t>(token[i])] +=
            gate.empty() ? 1 : static_cast<double>(gate[i]);
  }
  const auto all = static_cast<double>(tokens);
  const auto [least, most] = std::minmax_element(sums.begin(), sums.end());
  return {.mean = std::accumulate(sums.begin(), sums.end(), 0.0) / all,
          .least = *least,
          .most = *most,
          .dropped = std::accumulate(dropped.begin(), dropped.end(), 0.0) / all};
}

}  // namespace

std::vector<GateSum> gate_sums(Transformer& model, const ModelInput& input, Context context) {
  std::vector<GateSum> sums;
  context.training = false, context.traced = true;
  const auto tokens = static_cast<std::size_t>(input.batch * input.length);
  context.on_routing = [&](index, const Routing& routing) {
    const auto* plan = std::get_if<Assignment>(&routing.plan);
    sums.push_back(plan != nullptr ? sum_of(*plan, tokens) : GateSum());
  };
  std::vector<Loss> losses;
  model.forward(input, context, losses);
  return sums;
}

}  // namespace moesim
