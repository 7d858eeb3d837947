// Builds the figure of expert load over uniform during training, a panel per arm and layer: one
// curve per expert of one run if there are few experts, otherwise quantiles over experts.
#include "analysis/figures/figures.hpp"
#include "analysis/figures/layers.hpp"
#include "analysis/figures/timeseries.hpp"
#include "analysis/statistics/difference.hpp"
#include "analysis/tables/expert_load.hpp"
#include "sim/core/error.hpp"
#include "sim/moe/layer_statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

namespace moesim {
namespace {

constexpr std::size_t kMostExperts = 16;  // drawn as one curve each
constexpr std::size_t kMostRecords = 200;
constexpr std::array kQuantiles = {0.0, 0.1, 0.5, 0.9, 1.0};

// Curves of one layer (or all layers) of one run, by quantile or by expert.
using Curves = std::vector<Timeseries>;

struct RunLoads {
  std::size_t experts = 0;
  std::vector<std::int64_t> layers;
  std::vector<Curves> quantiles;  // by layer
  Curves pooled;                  // quantiles over the experts of all layers
  std::vector<Curves> single;     // by layer and expert, for few experts
  std::string measure;            // measure_of the run
};

std::string variable_of(const std::string& wanted) {
  if (wanted.empty()) return "load";
  const Statistic* statistic = find_statistic(wanted);
  if (statistic != nullptr && statistic->per == Statistic::Per::expert) return wanted;
  std::vector<std::string> names;
  for (const char* prefix : {"", "eval_"})
    for (const Statistic& each : all_statistics())
      if (each.per == Statistic::Per::expert) names.push_back(std::string(prefix) + each.name);
  fail(Exit::usage, "--quantity " + wanted + ": --figure load shows one of " + joined(names));
}

void add_point(Curves& curves, const Timeseries& times, std::size_t row,
               const std::vector<double>& values) {
  curves.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    curves[i].step.push_back(times.step[row]);
    curves[i].x.push_back(times.x[row]);
    curves[i].y.push_back(values[i]);
  }
}

std::vector<double> quantiles_of(const std::vector<double>& values) {
  std::vector<double> quantiles;
  for (const double q : kQuantiles) quantiles.push_back(quantile(values, q));
  return quantiles;
}

// Sums consecutive records until at most kMostRecords are left.
RunLoads loads_of(const Variable& load, const Timeseries& times, const Layers& layers,
                  std::size_t& each) {
  const auto rows = std::min(static_cast<std::size_t>(load.shape[0]), times.x.size());
  const auto depth = static_cast<std::size_t>(load.shape[1]);
  const auto experts = static_cast<std::size_t>(load.shape[2]);
  RunLoads loads;
  loads.experts = experts;
  loads.layers = layers.labels;
  loads.quantiles.resize(layers.places.size());
  loads.single.resize(layers.places.size());
  const std::size_t bin = std::max<std::size_t>(1, (rows + kMostRecords - 1) / kMostRecords);
  each = std::max(each, bin);
  for (std::size_t row = 0; row < rows; row += bin) {
    std::vector<double> all;
    const std::size_t end = std::min(row + bin, rows);
    for (std::size_t l = 0; l < layers.places.size(); ++l) {
      std::vector<double> sums(experts);
      for (std::size_t r = row; r < end; ++r)
        for (std::size_t e = 0; e < experts; ++e)
          sums[e] += load.values[(r * depth + layers.places[l]) * experts + e];
      const std::vector<double> ratios = over_uniform(sums);
      const std::size_t at = row + (end - row) / 2;
      add_point(loads.quantiles[l], times, at, quantiles_of(ratios));
      if (experts <= kMostExperts) add_point(loads.single[l], times, at, ratios);
      all.insert(all.end(), ratios.begin(), ratios.end());
    }
    add_point(loads.pooled, times, row + (end - row) / 2, quantiles_of(all));
  }
  return loads;
}

Series uniform_line(const std::vector<Series>& series) {
  Series line;
  line.guide = true;
  double low = INFINITY, high = -INFINITY;
  for (const Series& other : series)
    for (const double x : other.x) {
      low = std::min(low, x);
      high = std::max(high, x);
    }
  line.x = {low, high};
  line.y = {1, 1};
  return line;
}

// Returns the median and its bands.
std::vector<Series> band_series(const std::vector<const Curves*>& runs) {
  std::array<Series, kQuantiles.size()> means;
  for (std::size_t q = 0; q < kQuantiles.size(); ++q) {
    std::vector<const Timeseries*> timelines;
    for (const Curves* curves : runs) timelines.push_back(&(*curves)[q]);
    means[q] = mean_over_seeds(timelines);
  }
  Series outer, inner, median;
  outer.name = "all experts";
  inner.name = "10th to 90th percentile";
  outer.x = inner.x = means[0].x;
  outer.band_only = inner.band_only = true;
  outer.low = means[0].y;
  outer.high = means[4].y;
  inner.low = means[1].y;
  inner.high = means[3].y;
  median.name = "median expert";
  median.x = means[2].x;
  median.y = means[2].y;
  return {outer, inner, median};
}

std::vector<Series> expert_series(const Curves& curves) {
  std::vector<Series> all;
  for (std::size_t e = 0; e < curves.size(); ++e) {
    Series series = mean_over_seeds({&curves[e]});
    series.name = fmt::format("expert {}", e);
    series.style = e;
    all.push_back(std::move(series));
  }
  return all;
}

// Returns true if all loads of all layers are within a thousandth of uniform.
bool flat(const RunLoads& loads) {
  constexpr double kFlat = 1e-3;
  for (const Timeseries& curve : loads.pooled)
    for (const double ratio : curve.y)
      if (std::abs(ratio - 1) > kFlat) return false;
  return true;
}

struct Shown {
  const Arm* arm;
  std::vector<const RunLoads*> runs;
  std::optional<std::int64_t> seed;  // of the first run
};

}  // namespace

Built load_figure(const Request& request, const FigureOptions& options) {
  require_time_axis(options.x);
  const std::string name = variable_of(options.quantity);
  const std::string dim = name.starts_with("eval_") ? "eval" : "record";
  Excerpt excerpt;
  const std::string combined = dim == "eval" ? "eval_importance" : "importance";
  excerpt.last_rows[name] = kMostRows;
  if (options.quantity.empty()) excerpt.last_rows[combined] = kMostRows;
  excerpt.last_rows["layer"] = kMostRows;
  add_times(excerpt, dim, options.x);
  std::map<std::size_t, RunLoads> loads;
  std::vector<std::int64_t> all_layers;
  std::set<std::string> masses;
  std::size_t each = 1;
  Built built;
  built.gathered = gather(request, options, excerpt, [&](const Run& run, std::size_t place) {
    // The dispatch mass of a mixing plan is the same for every expert (measure_of).
    const bool mixes = options.quantity.empty() && run.file.text("plan_kind") == "mixing";
    const Variable* load = run.variable(mixes ? combined : name, {dim, "layer", "expert"});
    if (load == nullptr || load->values.empty() || load->shape[2] < 2) return;
    const auto count = static_cast<std::size_t>(load->shape[1]);
    const Layers all = layers_of(run, count, {});
    all_layers.insert(all_layers.end(), all.labels.begin(), all.labels.end());
    const Layers layers = layers_of(run, count, options.layers);
    const Timeseries times = times_of(run, dim, options.x);
    if (layers.places.empty() || times.x.empty()) return;
    loads[place] = loads_of(*load, times, layers, each);
    loads[place].measure = options.quantity.empty() ? measure_of(run) : "assignments";
  });
  Gathered& gathered = built.gathered;
  if (!all_layers.empty()) require_layers(options.layers, all_layers);

  std::vector<Shown> shown;
  std::vector<std::string> without;
  std::size_t panels = 0, most_experts = 0;
  for (const Arm& arm : gathered.arms) {
    Shown next{&arm, {}, {}};
    for (const Outcome* run : arm.complete) {
      const auto found = loads.find(gathered.place(run));
      if (found == loads.end() || (options.seed && run->seed != options.seed)) continue;
      if (next.runs.empty()) next.seed = run->seed;
      if (found->second.measure != "assignments") masses.insert(found->second.measure);
      if (next.runs.empty() || found->second.layers == next.runs[0]->layers)
        next.runs.push_back(&found->second);
    }
    if (next.runs.empty()) {
      without.push_back(arm.name);
      continue;
    }
    panels += next.runs[0]->layers.size();
    most_experts = std::max(most_experts, next.runs[0]->experts);
    shown.push_back(std::move(next));
  }
  if (shown.empty())
    fail(Exit::data,
         fmt::format("no run that is shown has {} of experts over {}; dense models have "
                     "none",
                     name, options.x));
  // Arms with uniform load are straight lines, so they are left out unless --arm names them.
  std::vector<std::string> uniform;
  const auto is_flat = [](const Shown& arm) {
    return std::all_of(arm.runs.begin(), arm.runs.end(),
                       [](const RunLoads* run) { return flat(*run); });
  };
  if (options.arms.empty() && !std::all_of(shown.begin(), shown.end(), is_flat))
    std::erase_if(shown, [&](const Shown& arm) {
      if (!is_flat(arm)) return false;
      uniform.push_back(arm.arm->name);
      panels -= arm.runs[0]->layers.size();
      return true;
    });
  const bool pooled = panels > options.most_panels && shown.size() > 1;
  const bool bands = pooled || most_experts > kMostExperts;
  std::vector<std::string> beyond;
  std::map<std::int64_t, std::vector<std::string>> seeds;
  for (const Shown& arm : shown) {
    if (built.figure.panels.size() >= options.most_panels) {
      beyond.push_back(arm.arm->name);
      continue;
    }
    const std::string title = shown.size() > 1 ? gathered.legend_name(*arm.arm) : "";
    const std::size_t count = pooled ? 1 : arm.runs[0]->layers.size();
    for (std::size_t l = 0; l < count; ++l) {
      Panel panel;
      if (bands) {
        std::vector<const Curves*> curves;
        for (const RunLoads* run : arm.runs)
          curves.push_back(pooled ? &run->pooled : &run->quantiles[l]);
        panel.series = band_series(curves);
      } else {
        panel.series = expert_series(arm.runs[0]->single[l]);
      }
      if (panel.series[0].x.empty()) continue;
      panel.series.insert(panel.series.begin(), uniform_line(panel.series));
      panel.title = title;
      if (!pooled)
        panel.title += fmt::format("{}layer {}", title.empty() ? "" : ", ", arm.runs[0]->layers[l]);
      panel.x.title = time_title(options.x);
      panel.y.title = "load / uniform";
      panel.y.from_zero = true;
      built.figure.panels.push_back(std::move(panel));
    }
    if (arm.seed) seeds[*arm.seed].push_back(arm.arm->name);
  }
  if (built.figure.panels.empty())
    fail(Exit::data, fmt::format("no run that is shown has {} over {}", name, options.x));
  const std::size_t depth = shown[0].runs[0]->layers.size();
  built.figure.columns = !pooled && shown.size() > 1 && depth <= 4 && depth != 3
                             ? 4
                             : std::min<std::size_t>(built.figure.panels.size() % 3 == 0 ? 3 : 4,
                                                     built.figure.panels.size());
  if (pooled)
    gathered.notes.push_back(
        "quantiles are over the experts of all layers; --arm NAME shows its "
        "layers");
  if (bands)
    gathered.notes.push_back("quantiles over experts are means over seeds");
  else if (seeds.size() == 1)
    gathered.notes.push_back(
        fmt::format("curves are of seed {} alone, because experts of different seeds have nothing "
                    "in common; --seed chooses another",
                    seeds.begin()->first));
  else
    for (const auto& [seed, names] : seeds)
      add_list(gathered.notes, fmt::format("curves of seed {} alone", seed), names);
  add_list(gathered.notes, "load within 0.001 of uniform in all layers, not shown (--arm shows it)",
           uniform);
  for (const std::string& mass : masses)
    gathered.notes.push_back("where plans have weights in place of counts, the load is " + mass);
  if (each > 1)
    gathered.notes.push_back(fmt::format("each point is the sum over {} records", each));
  add_list(gathered.notes, "no load of experts, not shown", without);
  add_list(gathered.notes, "no room for these (--arm chooses)", beyond);
  return built;
}

}  // namespace moesim
