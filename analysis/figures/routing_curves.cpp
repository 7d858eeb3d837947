#include "analysis/figures/routing_curves.hpp"

#include "analysis/figures/layers.hpp"
#include "analysis/figures/style.hpp"
#include "analysis/figures/timeseries.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>

namespace moesim {
namespace {

constexpr std::size_t kMostPoints = 400;

// RunCurves are the curves of one run: one per shown layer, or one for the mean over layers.
struct RunCurves {
  std::vector<std::int64_t> layers;
  std::vector<Timeseries> timelines;
};

std::string dimension_of(const std::string& wanted, const std::string& name) {
  if (wanted.empty() || wanted == name) return "record";
  if (wanted == "eval_" + name) return "eval";
  fail(Exit::usage, "--quantity " + wanted + ": choose " + name +
                        " (of training batches) or eval_" + name + " (of evaluations)");
}

// Returns the values by row and layer; empty if the run does not have the quantity.
std::vector<double> values_of(const Run& run, const RoutingQuantity& quantity,
                              const std::string& dim, std::size_t& layers) {
  const std::string prefix = dim == "eval" ? "eval_" : "";
  const Variable* experts = run.variable(prefix + "load", {dim, "layer", "expert"});
  std::vector<const Variable*> inputs;
  for (const std::string& name : quantity.variables) {
    inputs.push_back(run.variable(prefix + name, {dim, "layer"}));
    if (inputs.back() == nullptr || inputs.back()->shape != inputs.front()->shape) return {};
  }
  if (experts == nullptr || experts->shape[2] < 2 || inputs.front()->shape[1] == 0) return {};
  layers = static_cast<std::size_t>(inputs.front()->shape[1]);
  std::vector<double> values(inputs.front()->values.size());
  std::vector<double> terms(inputs.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t k = 0; k < inputs.size(); ++k) terms[k] = inputs[k]->values[i];
    values[i] = quantity.value(terms, static_cast<double>(experts->shape[2]));
  }
  return values;
}

// Returns the mean over the given layers for each row; NaN if none has a value.
std::vector<double> mean_of(const std::vector<double>& values, std::size_t layers,
                            const std::vector<std::size_t>& places) {
  std::vector<double> means;
  for (std::size_t row = 0; row < values.size() / layers; ++row) {
    double sum = 0, count = 0;
    for (const std::size_t place : places)
      if (const double value = values[row * layers + place]; !std::isnan(value)) {
        sum += value;
        ++count;
      }
    means.push_back(count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN());
  }
  return means;
}

bool has_any(const Timeseries& timeline) {
  for (const double y : timeline.y)
    if (std::isfinite(y)) return true;
  return false;
}

bool all_zero(const std::map<std::int64_t, std::vector<const Timeseries*>>& by_layer) {
  for (const auto& [layer, timelines] : by_layer)
    for (const Timeseries* timeline : timelines)
      for (const double y : timeline->y)
        if (y != 0) return false;
  return true;
}

}  // namespace

Built routing_figure(const Request& request, const FigureOptions& options,
                     const RoutingQuantity& quantity) {
  require_time_axis(options.x);
  const std::string dim = dimension_of(options.quantity, quantity.name);
  const std::string prefix = dim == "eval" ? "eval_" : "";
  Excerpt excerpt;
  for (const std::string& name : quantity.variables) excerpt.last_rows[prefix + name] = kMostRows;
  excerpt.last_rows[prefix + "load"] = 1;  // for its shape
  excerpt.last_rows["layer"] = kMostRows;
  add_times(excerpt, dim, options.x);
  std::map<std::size_t, RunCurves> curves;
  std::vector<std::int64_t> all_layers;
  std::size_t each = 1;
  Built built;
  built.gathered = gather(request, options, excerpt, [&](const Run& run, std::size_t place) {
    std::size_t count = 0;
    const std::vector<double> values = values_of(run, quantity, dim, count);
    if (values.empty()) return;
    const Timeseries times = times_of(run, dim, options.x);
    const Layers layers = layers_of(run, count, options.layers);
    const Layers all = layers_of(run, count, {});
    all_layers.insert(all_layers.end(), all.labels.begin(), all.labels.end());
    RunCurves own;
    const auto add = [&](std::int64_t label, const std::vector<std::size_t>& places) {
      Timeseries timeline = times;
      timeline.y = mean_of(values, count, places);
      if (!has_any(timeline)) return;
      each = std::max(each, thin(timeline, kMostPoints));
      own.layers.push_back(label);
      own.timelines.push_back(std::move(timeline));
    };
    if (options.layers.empty())
      add(0, layers.places);
    else
      for (std::size_t i = 0; i < layers.places.size(); ++i)
        add(layers.labels[i], {layers.places[i]});
    if (!own.timelines.empty()) curves[place] = std::move(own);
  });
  Gathered& gathered = built.gathered;
  if (!all_layers.empty()) require_layers(options.layers, all_layers);
  limit_arms(gathered, stroke_count());

  std::map<std::int64_t, Panel> panels;
  std::vector<std::string> without, zero;
  for (const Arm& arm : gathered.arms) {
    std::map<std::int64_t, std::vector<const Timeseries*>> by_layer;
    for (const Outcome* run : arm.complete)
      if (const auto found = curves.find(gathered.place(run)); found != curves.end())
        for (std::size_t i = 0; i < found->second.layers.size(); ++i)
          by_layer[found->second.layers[i]].push_back(&found->second.timelines[i]);
    if (by_layer.empty()) {
      without.push_back(arm.name);
      continue;
    }
    if (quantity.zero != nullptr && all_zero(by_layer)) zero.push_back(arm.name);
    for (const auto& [layer, timelines] : by_layer) {
      Series series = mean_over_seeds(timelines);
      series.name = gathered.legend_name(arm);
      series.style = gathered.style(arm);
      if (!series.x.empty()) panels[layer].series.push_back(std::move(series));
    }
  }
  if (!zero.empty() && zero.size() + without.size() == gathered.arms.size())
    fail(Exit::data,
         fmt::format("{}: {}, so there is no curve to show", quantity.zero, joined(zero)));
  if (panels.empty())
    fail(Exit::data, fmt::format("no run that is shown has {}{} over {}: {}", prefix, quantity.name,
                                 options.x, quantity.missing));
  for (auto& [layer, panel] : panels) {
    if (!options.layers.empty()) panel.title = fmt::format("layer {}", layer);
    panel.x.title = time_title(options.x);
    panel.y.title = quantity.title;
    panel.y.from_zero = quantity.from_zero;
    built.figure.panels.push_back(std::move(panel));
  }
  built.figure.columns = built.figure.panels.size() % 3 == 0 ? 3 : 2;
  if (options.layers.empty()) gathered.notes.push_back("means are over layers; --layer shows some");
  add_list(gathered.notes, fmt::format("{}{} is not recorded, not shown", prefix, quantity.name),
           without);
  if (quantity.zero != nullptr)
    add_list(gathered.notes, fmt::format("{}, so their curves lie on the axis", quantity.zero),
             zero);
  if (each > 1)
    gathered.notes.push_back(fmt::format("each point is the mean over {} records", each));
  return built;
}

}  // namespace moesim
