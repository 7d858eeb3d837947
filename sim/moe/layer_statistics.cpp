#include "sim/moe/layer_statistics.hpp"

#include "sim/core/error.hpp"
#include "sim/moe/metrics.hpp"

#include <algorithm>
#include <limits>

namespace moesim {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

void join(std::vector<double>& to, const std::vector<double>& from) {
  if (to.empty()) to.resize(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) to[i] += from[i];
}

void join(std::vector<MetricSum>& to, const std::vector<MetricSum>& from) {
  for (const MetricSum& more : from) {
    auto known = std::find_if(to.begin(), to.end(),
                              [&](const MetricSum& each) { return each.name == more.name; });
    if (known == to.end()) known = to.insert(to.end(), {more.name, 0, 0});
    known->sum += more.sum, known->tokens += more.tokens;
  }
}

using S = LayerStatistics;
using enum Statistic::Per;

constexpr Statistic kStatistics[] = {
    {"demand", expert, "assignments", "demand",
     "assignments asked for, before capacity (mixing, merging: mass)",
     [](const S& s) { return s.demand; }},
    {"load", expert, "rows", "load", "rows processed, after capacity (mixing, merging: mass)",
     [](const S& s) { return s.load; }},
    {"importance", expert, "", "importance",
     "sum over tokens of the weight given to the expert's output",
     [](const S& s) { return s.importance; }},
    {"assignments", layer, "assignments", "assignments", "sum of demand over experts",
     [](const S& s) { return std::vector{s.assignments}; }},
    {"dropped", layer, "assignments", "dropped assignments", "asked for and not served",
     [](const S& s) { return std::vector{s.dropped}; }},
    {"unrouted_tokens", layer, "tokens", "unrouted tokens", "tokens that no expert processed",
     [](const S& s) { return std::vector{s.unrouted}; }},
    {"rows_per_token", layer, "rows", "rows per token",
     "rows that experts computed over tokens: assignments served, slots of a mixing, 1 of a "
     "merging",
     [](const S& s) { return std::vector{s.rows_per_token()}; }},
    {"router_entropy", layer, "nat", "router entropy", "mean entropy of the scores of a token",
     [](const S& s) { return std::vector{s.mean_entropy()}; }},
    {"load_cv", layer, "", "load CV", "population standard deviation over mean of demand",
     [](const S& s) { return std::vector{metrics::cv(s.demand)}; }},
    {"max_violation", layer, "", "MaxVio", "largest demand over mean demand, minus 1",
     [](const S& s) { return std::vector{metrics::max_violation(s.demand)}; }},
    {"dead_experts", layer, "experts", "dead experts", "experts without demand",
     [](const S& s) { return std::vector{static_cast<double>(metrics::dead(s.demand))}; }},
    {"effective_experts", layer, "experts", "effective experts",
     "exponential of the entropy of the demand distribution",
     [](const S& s) { return std::vector{metrics::effective_experts(s.demand)}; }},
};

}  // namespace

void LayerStatistics::add(const LayerStatistics& other) {
  join(demand, other.demand);
  join(load, other.load);
  join(importance, other.importance);
  join(domain_load, other.domain_load);
  join(metrics, other.metrics);
  if (!other.plan.empty()) plan = other.plan;
  tokens += other.tokens;
  rows += other.rows;
  assignments += other.assignments;
  dropped += other.dropped;
  unrouted += other.unrouted;
  entropy += other.entropy;
  scored += other.scored;
}

double LayerStatistics::mean_entropy() const { return scored > 0 ? entropy / scored : kUndefined; }

double LayerStatistics::rows_per_token() const { return tokens > 0 ? rows / tokens : kUndefined; }

std::string plan_kinds(const std::vector<LayerStatistics>& layers) {
  std::vector<std::string> kinds;
  for (const LayerStatistics& each : layers)
    if (std::find(kinds.begin(), kinds.end(), each.plan) == kinds.end()) kinds.push_back(each.plan);
  return joined(kinds, ",");
}

std::span<const Statistic> all_statistics() { return kStatistics; }

const Statistic* find_statistic(std::string_view variable) {
  constexpr std::string_view kOfEvaluations = "eval_";
  if (variable.starts_with(kOfEvaluations)) variable.remove_prefix(kOfEvaluations.size());
  for (const Statistic& each : kStatistics)
    if (each.name == variable) return &each;
  return nullptr;
}

}  // namespace moesim
