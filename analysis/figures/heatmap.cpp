// Builds the heat map of load over uniform, layer × expert, at one evaluation: a map per arm.
//
// Expert numbers are arbitrary: expert 3 of one seed is unrelated to expert 3 of another, so a mean
// by number would show less imbalance the more seeds there are. With several seeds, experts are
// sorted by load within each layer and seed, and means are taken by rank.
#include "analysis/figures/figures.hpp"
#include "analysis/figures/layers.hpp"
#include "analysis/tables/expert_load.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

namespace moesim {
namespace {

constexpr std::size_t kMostMaps = 24;

// Loads are the values of one run.
struct Loads {
  std::vector<std::int64_t> layers;
  std::vector<std::vector<double>> ratios;  // [layer][expert] load over uniform
  std::string measure;                      // measure_of the run
};

HeatMap mean_map(const std::vector<const Loads*>& runs, bool ranked) {
  HeatMap map;
  map.neutral = 1;
  map.unit = "load / uniform";
  const Loads& first = *runs.front();
  const std::size_t experts = first.ratios.front().size();
  for (const std::int64_t layer : first.layers) map.rows.push_back(std::to_string(layer));
  for (std::size_t e = 0; e < experts; ++e)
    map.columns.push_back(std::to_string(ranked ? e + 1 : e));
  map.values.assign(first.layers.size() * experts, 0);
  for (const Loads* run : runs)
    for (std::size_t layer = 0; layer < run->ratios.size(); ++layer) {
      std::vector<double> ratios = run->ratios[layer];
      if (ranked) std::sort(ratios.begin(), ratios.end(), std::greater<>());
      for (std::size_t e = 0; e < experts; ++e)
        map.values[layer * experts + e] += ratios[e] / static_cast<double>(runs.size());
    }
  return map;
}

bool same_shape(const Loads& a, const Loads& b) {
  return a.layers == b.layers && a.ratios.size() == b.ratios.size() &&
         a.ratios.front().size() == b.ratios.front().size();
}

std::size_t columns_for(std::size_t panels) {
  if (panels <= 4) return panels;
  return panels % 3 == 0 && panels <= 9 ? 3 : 4;
}

}  // namespace

Built heatmap_figure(const Request& request, const FigureOptions& options) {
  std::map<std::size_t, Loads> loads;
  std::set<std::string> masses;
  std::vector<std::int64_t> all_layers;
  Built built;
  built.gathered = gather(
      request, options, evaluation_excerpt(options.at), [&](const Run& run, std::size_t place) {
        Loads own;
        for (const ExpertLoad& layer : loads_of_evaluation(run, options.at)) {
          if (layer.load.size() < 2) continue;
          all_layers.push_back(layer.layer);
          const auto& wanted = options.layers;
          if (!wanted.empty() &&
              std::find(wanted.begin(), wanted.end(), layer.layer) == wanted.end())
            continue;
          own.layers.push_back(layer.layer);
          own.ratios.push_back(over_uniform(layer.load));
        }
        if (own.layers.empty()) return;
        own.measure = measure_of(run);
        loads[place] = std::move(own);
      });
  Gathered& gathered = built.gathered;
  if (!all_layers.empty()) require_layers(options.layers, all_layers);

  std::vector<std::string> without;
  std::size_t most = 0;
  std::vector<std::pair<const Arm*, std::vector<const Loads*>>> shown;
  for (const Arm& arm : gathered.arms) {
    std::vector<const Loads*> own;
    for (const Outcome* run : arm.complete) {
      const auto found = loads.find(gathered.place(run));
      if (found == loads.end() || (options.seed && run->seed != options.seed)) continue;
      if (found->second.measure != "assignments") masses.insert(found->second.measure);
      if (own.empty() || same_shape(found->second, *own.front())) own.push_back(&found->second);
    }
    most = std::max(most, own.size());
    if (own.empty())
      without.push_back(arm.name);
    else
      shown.emplace_back(&arm, std::move(own));
  }
  if (shown.empty())
    fail(Exit::data,
         "no run that is shown has loads of experts at this evaluation; dense models "
         "have none");
  const bool ranked = most > 1;
  std::vector<std::string> beyond;
  for (const auto& [arm, runs] : shown) {
    if (built.figure.panels.size() == kMostMaps) {
      beyond.push_back(arm->name);
      continue;
    }
    Panel panel;
    panel.kind = Panel::Kind::heat_map;
    panel.title = gathered.legend_name(*arm);
    panel.x.title = ranked ? "expert, by load" : "expert";
    panel.y.title = "MoE layer";
    panel.map = mean_map(runs, ranked);
    built.figure.panels.push_back(std::move(panel));
  }
  built.figure.columns = columns_for(built.figure.panels.size());
  if (ranked)
    gathered.notes.push_back(
        "experts are ordered by load in each layer and seed, and means are over seeds; --seed "
        "shows "
        "those of one seed by number");
  for (const std::string& mass : masses)
    gathered.notes.push_back("where plans have weights in place of counts, the load is " + mass);
  add_list(gathered.notes, "no loads of experts, not shown", without);
  add_list(gathered.notes,
           fmt::format("{} arms are shown, the others not (--arm chooses)", kMostMaps), beyond);
  return built;
}

}  // namespace moesim
