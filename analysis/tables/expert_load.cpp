#include "analysis/tables/expert_load.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {
namespace {

const std::vector<std::string> kPerExpert = {"load", "demand", "importance"};
const std::vector<std::string> kPerLayer = {"assignments", "dropped", "router_entropy"};

Excerpt routing_excerpt(const std::string& prefix, std::int64_t rows) {
  Excerpt excerpt{{}, {{"layer", kMostLabels}}};
  for (const auto* names : {&kPerExpert, &kPerLayer})
    for (const std::string& name : *names) excerpt.last_rows[prefix + name] = rows;
  return excerpt;
}

void add(std::vector<double>& sum, const std::vector<double>& more) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += more.at(i);
}

}  // namespace

std::string measure_of(const Run& run) {
  const std::string kind = run.file.text("plan_kind", "assignment");
  return kind == "assignment" ? "assignments"
         : kind == "mixing"   ? "combine mass"
         : kind == "merging"  ? "merge mass"
                              : "mass";
}

Excerpt evaluation_excerpt(const At& at) {
  const std::int64_t rows = at.kind == At::Kind::last ? 1 : kAllRows;
  Excerpt excerpt = routing_excerpt("eval_", rows);
  excerpt.last_rows["eval_step"] = rows;
  excerpt.last_rows["eval_loss"] = rows;
  return excerpt;
}

Excerpt records_excerpt(std::size_t window) {
  return routing_excerpt("", static_cast<std::int64_t>(window));
}

std::vector<double> row_from_last(const Run& run, const std::string& name,
                                  const std::vector<std::string>& dims, std::size_t from_last) {
  const Variable* variable = run.variable(name, dims);
  if (variable == nullptr || variable->shape.empty()) return {};
  const auto rows = static_cast<std::size_t>(variable->shape[0]);
  if (from_last >= rows || variable->values.empty()) return {};
  const std::size_t size = variable->values.size() / rows;
  const auto last = variable->values.end() - static_cast<std::ptrdiff_t>(from_last * size);
  return {last - static_cast<std::ptrdiff_t>(size), last};
}

std::optional<std::size_t> evaluation_of(const Run& run, const At& at) {
  if (at.kind == At::Kind::last) return 0;
  const bool best = at.kind == At::Kind::best;
  const Variable* variable = run.variable(best ? "eval_loss" : "eval_step", {"eval"});
  if (variable == nullptr) return std::nullopt;
  const std::vector<double>& values = variable->values;
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (best ? !std::isnan(values[i]) && (!found || values[i] < values[*found])
             : values[i] == static_cast<double>(at.step))
      found = i;
  if (!found) return std::nullopt;
  return values.size() - 1 - *found;
}

std::vector<ExpertLoad> loads_of_row(const Run& run, const std::string& prefix,
                                     const std::string& dim, std::size_t from_last) {
  // A mixing plan's load is its dispatch mass; see measure_of.
  const bool combine = run.file.text("plan_kind") == "mixing";
  const auto per_expert = [&](const std::string& name) {
    return row_from_last(run, prefix + name, {dim, "layer", "expert"}, from_last);
  };
  const std::vector<double> load = per_expert(combine ? "importance" : "load");
  const std::vector<double> demand = combine ? load : per_expert("demand");
  const Variable* variable =
      run.variable(prefix + (combine ? "importance" : "load"), {dim, "layer", "expert"});
  if (load.empty()) return {};
  const auto layers = static_cast<std::size_t>(variable->shape[1]);
  const std::size_t experts = load.size() / layers;
  const std::vector<std::int64_t> labels = layer_labels(run, layers);
  std::vector<ExpertLoad> loads(layers);
  for (std::size_t l = 0; l < layers; ++l) {
    const auto part = [&](const std::vector<double>& all) {
      const auto first = all.begin() + static_cast<std::ptrdiff_t>(l * experts);
      return std::vector<double>(first, first + static_cast<std::ptrdiff_t>(experts));
    };
    loads[l].layer = labels[l];
    loads[l].load = part(load);
    loads[l].demand = demand.size() == load.size() ? part(demand) : loads[l].load;
  }
  const auto per_layer = [&](const std::string& name, double ExpertLoad::*field) {
    const std::vector<double> values = row_from_last(run, prefix + name, {dim, "layer"}, from_last);
    for (std::size_t l = 0; l < layers && l < values.size(); ++l) loads[l].*field = values[l];
  };
  per_layer("assignments", &ExpertLoad::assignments);
  per_layer("dropped", &ExpertLoad::dropped);
  per_layer("router_entropy", &ExpertLoad::router_entropy);
  return loads;
}

std::vector<ExpertLoad> loads_of_evaluation(const Run& run, const At& at) {
  const auto row = evaluation_of(run, at);
  return row ? loads_of_row(run, "eval_", "eval", *row) : std::vector<ExpertLoad>();
}

std::vector<ExpertLoad> loads_of_records(const Run& run, std::size_t window) {
  std::vector<ExpertLoad> sum;
  std::vector<std::vector<double>> entropies;
  for (std::size_t row = 0; row < window; ++row) {
    const std::vector<ExpertLoad> record = loads_of_row(run, "", "record", row);
    if (record.empty()) break;
    if (sum.empty()) {
      sum = record;
      entropies.resize(sum.size());
    } else {
      for (std::size_t l = 0; l < sum.size(); ++l) {
        add(sum[l].load, record[l].load);
        add(sum[l].demand, record[l].demand);
        sum[l].assignments += record[l].assignments;
        sum[l].dropped += record[l].dropped;
      }
    }
    for (std::size_t l = 0; l < record.size(); ++l)
      if (!std::isnan(record[l].router_entropy)) entropies[l].push_back(record[l].router_entropy);
  }
  for (std::size_t l = 0; l < sum.size(); ++l)
    sum[l].router_entropy = std::accumulate(entropies[l].begin(), entropies[l].end(), 0.0) /
                            static_cast<double>(entropies[l].size());
  return sum;
}

std::vector<double> over_uniform(const std::vector<double>& load) {
  const double mean =
      std::accumulate(load.begin(), load.end(), 0.0) / static_cast<double>(load.size());
  std::vector<double> ratios;
  for (const double value : load) ratios.push_back(value / mean);
  return ratios;
}

double effective_experts_of(const std::vector<double>& load) {
  const double total = std::accumulate(load.begin(), load.end(), 0.0);
  if (!(total > 0)) return kNone;
  double entropy = 0;
  for (const double value : load)
    if (value > 0) entropy -= value / total * std::log(value / total);
  return std::exp(entropy);
}

}  // namespace moesim
