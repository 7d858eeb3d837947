#include "sim/moe/statistics.hpp"

#include "sim/backend/backend.hpp"
#include "sim/core/error.hpp"
#include "sim/record/run_file.hpp"

#include <algorithm>
#include <numeric>
#include <set>

namespace moesim {
namespace {

// Data without domains counts as one domain.
index tables(const Measurement& m) { return std::max<index>(1, m.domains); }

// The sums of a layer in one block of memory: doubles, metrics, then integers. Assignment: `served`
// counts rows by the domain of their token, `weight` sums their gates. Mixing: they sum dispatch
// and combine weights. Merging: `served` sums weights.
struct Sums {
  double* served;          // [domains, experts]
  double* weight;          // [domains, experts]
  double* entropy;         // [1] of the scores
  real* metrics;           // [metrics]
  std::int32_t* demand;    // [experts]
  std::int32_t* unrouted;  // [1] tokens without a row

  static std::size_t bytes(const Measurement& m) {
    return doubles(m) * sizeof(double) + m.metrics.size() * sizeof(real) +
           static_cast<std::size_t>(m.experts + 1) * sizeof(std::int32_t);
  }
  static Sums in(void* block, const Measurement& m) {
    auto* served = static_cast<double*>(block);
    const index table = tables(m) * m.experts;
    auto* metrics = reinterpret_cast<real*>(served + doubles(m));
    auto* integers = reinterpret_cast<std::int32_t*>(metrics + m.metrics.size());
    return {served, served + table, served + 2 * table, metrics, integers, integers + m.experts};
  }

 private:
  static std::size_t doubles(const Measurement& m) {
    return static_cast<std::size_t>(2 * tables(m) * m.experts + 1);
  }
};

const std::int32_t* data_of(const Indices& x) { return x ? x.data() : nullptr; }

// Launches the kernels that sum a plan.
struct Measuring {
  Measurement& m;
  index T;
  const Indices& domain;
  Backend& backend;
  Sums sums;

  // The key of every row for label_rows.
  Indices labels(const Indices& offset, index segments, const Indices& token, const Indices& of,
                 index rows) const {
    const Indices key = Indices::empty(rows, backend);
    backend.label_rows(data_of(offset), segments, data_of(token), data_of(of), key.data(), rows);
    return key;
  }

  void operator()(const Assignment& plan) const {
    const index rows = plan.token ? plan.token.size() : T, keys = tables(m) * m.experts;
    const Indices key = labels(plan.experts.offset, m.experts, plan.token, domain, rows);
    backend.sum_by_key(nullptr, nullptr, key.data(), sums.served, rows, keys, 1, 1);
    m.has_gates = static_cast<bool>(plan.gate);
    if (m.has_gates)
      backend.sum_by_key(plan.gate.data(), nullptr, key.data(), sums.weight, rows, keys, 1, 1);
    m.has_demand = static_cast<bool>(plan.demand);
    if (m.has_demand)
      backend.copy(sums.demand, plan.demand.data(),
                   static_cast<std::size_t>(m.experts) * sizeof(std::int32_t));
    if (!plan.token) return;
    // Histogram of tokens by number of rows; entry 0 is the tokens without any.
    const Indices times = Indices::empty(T, backend), tokens = Indices::empty(rows + 1, backend);
    backend.histogram(plan.token.data(), rows, T, times.data());
    backend.histogram(times.data(), T, rows + 1, tokens.data());
    backend.copy(sums.unrouted, tokens.data(), sizeof(std::int32_t));
  }

  void operator()(const Mixing& plan) const {
    const index places = plan.dispatch.dim(0) * plan.dispatch.dim(1);
    m.rows = static_cast<double>(plan.dispatch.dim(0) * plan.dispatch.dim(2));
    const Indices key = labels({}, 1, plan.order, domain, places);
    m.has_gates = true;
    const auto sum = [&](const Tensor& weights, double* to) {
      backend.sum_by_key(weights.data(), nullptr, key.data(), to, places, tables(m), m.experts,
                         plan.slots_per_expert);
    };
    sum(plan.dispatch, sums.served);
    sum(plan.combine, sums.weight);
  }

  void operator()(const Merging& plan) const {
    m.rows = static_cast<double>(T);
    const Indices group = labels(plan.groups.offset, plan.groups.offset.size() - 1, {}, {}, T);
    backend.sum_by_key(plan.weights.data(), group.data(), data_of(domain), sums.served, T,
                       tables(m), m.experts, 1);
  }

  void operator()(const Custom& plan) const {
    if (static_cast<index>(plan.load.size()) != m.experts)
      fail_in("statistics", "a custom plan must report one load per expert");
    m.load = plan.load;
  }
};

// [domains, experts] -> [experts]
std::vector<double> over_domains(const double* table, index domains, index experts) {
  std::vector<double> sum(table, table + experts);
  for (index i = experts; i < domains * experts; ++i)
    sum[static_cast<std::size_t>(i % experts)] += table[i];
  return sum;
}

}  // namespace

void check_metrics(const std::vector<Metric>& metrics) {
  std::set<std::string> names;
  for (const Metric& metric : metrics) {
    const auto refuse = [&](const std::string& why) {
      fail_in("router metric", "'" + metric.name + "' " + why);
    };
    const std::string variable = "router_" + metric.name;
    if (metric.name.empty() || !is_plain_name("eval_" + variable))
      refuse("is not a name: letters, digits and _, at most 52");
    if (find_statistic(variable) != nullptr)
      refuse("would be recorded as " + variable + ", which is a statistic of every router");
    if (!names.insert(metric.name).second) refuse("is returned twice");
    if (!metric.value || metric.value.size() != 1) refuse("is not one number, [1]");
  }
}

Measurement measure(const Routing& routing, index tokens, index experts, const Indices& domain,
                    index domains, Backend& backend) {
  Measurement m;
  m.experts = experts, m.domains = domain ? domains : 0;
  m.plan = plan_name(routing);
  m.tokens = static_cast<double>(tokens);
  check_metrics(routing.metrics);
  for (const Metric& metric : routing.metrics) m.metrics.push_back(metric.name);
  const std::size_t bytes = Sums::bytes(m);
  m.sums = backend.allocate(bytes);
  backend.zero(m.sums.data(), bytes);
  const Sums sums = Sums::in(m.sums.data(), m);
  for (std::size_t i = 0; i < routing.metrics.size(); ++i)
    backend.copy(sums.metrics + i, routing.metrics[i].value.data(), sizeof(real));
  std::visit(Measuring{m, tokens, domain, backend, sums}, routing.plan);
  if (routing.scores) {
    // Rows that do not sum to 1 (weights of several softmaxes) are normalised.
    m.scored = static_cast<double>(routing.scores.rows());
    backend.sum_entropy(routing.scores.data(), sums.entropy, routing.scores.rows(), experts);
  }
  return m;
}

LayerStatistics statistics(const Measurement& m) {
  std::vector<double> block((m.sums.bytes() + sizeof(double) - 1) / sizeof(double));
  m.sums.backend().copy_to_host(block.data(), m.sums.data(), m.sums.bytes());
  const index D = tables(m), E = m.experts;
  const Sums sums = Sums::in(block.data(), m);
  LayerStatistics s;
  s.plan = m.plan;
  s.tokens = m.tokens, s.scored = m.scored, s.entropy = *sums.entropy;
  s.unrouted = *sums.unrouted;
  const double* weight = m.has_gates ? sums.weight : sums.served;
  s.load = m.plan == "custom" ? m.load : over_domains(sums.served, D, E);
  s.importance = m.plan == "custom" ? m.load : over_domains(weight, D, E);
  s.rows = m.plan == "mixing" || m.plan == "merging"
               ? m.rows
               : std::accumulate(s.load.begin(), s.load.end(), 0.0);
  s.demand = s.load;
  if (m.has_demand) s.demand.assign(sums.demand, sums.demand + E);
  // Assignment: number of rows; other plans: weight of what tokens get back.
  const double* by_domain = m.plan == "assignment" ? sums.served : weight;
  if (m.domains > 0) s.domain_load.assign(by_domain, by_domain + D * E);
  s.assignments = std::accumulate(s.demand.begin(), s.demand.end(), 0.0);
  if (m.plan == "assignment")
    s.dropped = s.assignments - std::accumulate(s.load.begin(), s.load.end(), 0.0);
  for (std::size_t i = 0; i < m.metrics.size(); ++i)
    s.metrics.push_back({m.metrics[i], static_cast<double>(sums.metrics[i]) * m.tokens, m.tokens});
  return s;
}

}  // namespace moesim
