#include "sim/moe/statistics.hpp"

#include "sim/core/error.hpp"

#include <cmath>
#include <limits>
#include <numeric>

namespace moesim {
namespace {

struct Measuring {
  LayerStatistics& s;
  index T, E;
  const std::vector<std::int32_t>& domains;

  double& domain(std::size_t token, index expert) {
    return s.domain_load[static_cast<std::size_t>(domains[token] * E + expert)];
  }
  bool by_domain() const { return !domains.empty(); }

  void operator()(const Assignment& plan) {
    const std::vector<std::int32_t> offset = plan.experts.offset.to_host();
    const std::vector<std::int32_t> token =
        plan.token ? plan.token.to_host() : std::vector<std::int32_t>{};
    const std::vector<real> gate = plan.gate ? plan.gate.to_host() : std::vector<real>{};
    std::vector<bool> routed(static_cast<std::size_t>(T), false);
    for (index e = 0; e < E; ++e) {
      const auto at = static_cast<std::size_t>(e);
      s.load[at] = offset[at + 1] - offset[at];
      for (auto row = static_cast<std::size_t>(offset[at]);
           row < static_cast<std::size_t>(offset[at + 1]); ++row) {
        const std::size_t t = token.empty() ? row : static_cast<std::size_t>(token[row]);
        routed[t] = true;
        s.importance[at] += gate.empty() ? 1 : static_cast<double>(gate[row]);
        if (by_domain()) domain(t, e) += 1;
      }
    }
    if (plan.demand) {
      const std::vector<std::int32_t> demand = plan.demand.to_host();
      s.demand.assign(demand.begin(), demand.end());
    } else {
      s.demand = s.load;
    }
    for (const bool r : routed) s.unrouted += r ? 0 : 1;
  }

  void operator()(const Mixing& plan) {
    const std::vector<real> dispatch = plan.dispatch.to_host(), combine = plan.combine.to_host();
    const std::vector<std::int32_t> order =
        plan.order ? plan.order.to_host() : std::vector<std::int32_t>{};
    const auto P = static_cast<std::size_t>(plan.dispatch.dim(2)),
               p = static_cast<std::size_t>(plan.slots_per_expert);
    std::vector<double> dispatch_mass(static_cast<std::size_t>(E)),
        combine_mass(static_cast<std::size_t>(E));
    for (std::size_t place = 0; place * P < dispatch.size(); ++place) {
      const std::int64_t t = order.empty() ? static_cast<std::int64_t>(place) : order[place];
      if (t < 0) continue;
      for (std::size_t e = 0; e < static_cast<std::size_t>(E); ++e) {
        double in = 0, out = 0;
        for (std::size_t slot = e * p; slot < (e + 1) * p; ++slot) {
          in += static_cast<double>(dispatch[place * P + slot]);
          out += static_cast<double>(combine[place * P + slot]);
        }
        dispatch_mass[e] += in;
        combine_mass[e] += out;
        if (by_domain()) domain(static_cast<std::size_t>(t), static_cast<index>(e)) += out;
      }
    }
    s.demand = s.load = dispatch_mass;
    s.importance = combine_mass;
  }

  void operator()(const Merging& plan) {
    const std::vector<real> weights = plan.weights.to_host();
    const std::vector<std::int32_t> offset = plan.groups.offset.to_host();
    for (std::size_t g = 0; g + 1 < offset.size(); ++g)
      for (index e = 0; e < E; ++e) {
        const auto w = static_cast<double>(
            weights[g * static_cast<std::size_t>(E) + static_cast<std::size_t>(e)]);
        s.load[static_cast<std::size_t>(e)] += w * (offset[g + 1] - offset[g]);
        if (by_domain())
          for (auto t = static_cast<std::size_t>(offset[g]);
               t < static_cast<std::size_t>(offset[g + 1]); ++t)
            domain(t, e) += w;
      }
    s.demand = s.importance = s.load;
  }

  void operator()(const Custom& plan) {
    if (static_cast<index>(plan.load.size()) != E)
      fail_in("statistics", "a custom plan must report one load per expert");
    s.demand = s.load = s.importance = plan.load;
  }
};

void join(std::vector<double>& to, const std::vector<double>& from) {
  if (to.empty()) to.resize(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i];
}

}  // namespace

void LayerStatistics::add(const LayerStatistics& other) {
  join(demand, other.demand);
  join(load, other.load);
  join(importance, other.importance);
  join(domain_load, other.domain_load);
  tokens += other.tokens;
  assignments += other.assignments;
  dropped += other.dropped;
  unrouted += other.unrouted;
  entropy += other.entropy;
  scored += other.scored;
}

double LayerStatistics::mean_entropy() const {
  return scored > 0 ? entropy / scored : std::numeric_limits<double>::quiet_NaN();
}

LayerStatistics measure(const Routing& routing, index tokens, index experts,
                        const std::vector<std::int32_t>& domains, index domain_count) {
  LayerStatistics s;
  const auto E = static_cast<std::size_t>(experts);
  s.tokens = static_cast<double>(tokens);
  s.demand.resize(E), s.load.resize(E), s.importance.resize(E);
  if (!domains.empty()) s.domain_load.resize(static_cast<std::size_t>(domain_count) * E);
  std::visit(Measuring{s, tokens, experts, domains}, routing.plan);
  s.assignments = std::accumulate(s.demand.begin(), s.demand.end(), 0.0);
  if (std::holds_alternative<Assignment>(routing.plan))
    s.dropped = s.assignments - std::accumulate(s.load.begin(), s.load.end(), 0.0);
  if (routing.scores) {
    // A row that does not sum to 1 (weights of several softmaxes) counts as if it did.
    const std::vector<real> scores = routing.scores.to_host();
    s.scored = static_cast<double>(routing.scores.rows());
    for (std::size_t row = 0; row < scores.size(); row += E) {
      double sum = 0, weighted = 0;
      for (std::size_t e = 0; e < E; ++e) {
        const auto p = static_cast<double>(scores[row + e]);
        sum += p;
        if (p > 0) weighted += p * std::log(p);
      }
      if (sum > 0) s.entropy += std::log(sum) - weighted / sum;
    }
  }
  return s;
}

}  // namespace moesim
