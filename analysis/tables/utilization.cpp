#include "analysis/tables/utilization.hpp"

#include "analysis/runs/arms.hpp"
#include "analysis/tables/arm_words.hpp"
#include "analysis/tables/expert_load.hpp"
#include "analysis/tables/layer_use.hpp"
#include "sim/config/text.hpp"
#include "sim/config/unknown_choice.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

namespace moesim {
namespace {

using Kind = Column::Kind;

constexpr std::size_t kMostExperts = 16;

// Used is the part of one run that the table needs.
struct Used {
  std::string measure;
  std::vector<std::int64_t> layers;
  std::vector<LayerUse> uses;               // by layer
  std::vector<std::vector<double>> ratios;  // [layer][expert], for UtilizationOptions::By::expert
  LayerUse all;
  std::size_t experts = 0;
  bool evaluated = false;  // false: MoE layers, but not this evaluation
};

Used used_of(const Run& run, const UtilizationOptions& options) {
  const std::vector<ExpertLoad> loads = options.window > 0 ? loads_of_records(run, options.window)
                                                           : loads_of_evaluation(run, options.at);
  Used used;
  used.measure = measure_of(run);
  used.evaluated = options.window > 0 || evaluation_of(run, options.at).has_value();
  for (const ExpertLoad& layer : loads) {
    used.experts = std::max(used.experts, layer.load.size());
    used.layers.push_back(layer.layer);
    used.uses.push_back(use_of(layer));
    if (options.by == UtilizationOptions::By::expert)
      used.ratios.push_back(over_uniform(layer.load));
  }
  if (used.experts < 2) used.layers.clear();
  if (!loads.empty()) used.all = use_of_all(loads, used.uses);
  return used;
}

// ArmUse is an arm and the expert use of its complete runs.
struct ArmUse {
  const Arm* arm;
  std::vector<const Used*> runs;
};

Sample over_runs(const std::vector<double>& values) {
  std::vector<double> known;
  std::copy_if(values.begin(), values.end(), std::back_inserter(known),
               [](double value) { return !std::isnan(value); });
  return sample_of(known);
}

class Builder {
 public:
  Builder(const UtilizationOptions& options, std::size_t experts) : by_(options.by) {
    table_.name = "utilization";
    table_.columns = {
        {"arm", "arm"}, {"layer", "layer"}, {"of", "of"}, {"seeds", "seeds", Kind::count}};
    if (by_ == UtilizationOptions::By::layer) {
      for (const UseStatistic& statistic : use_statistics())
        table_.columns.push_back(statistic.column);
    } else {
      for (std::size_t e = 0; e < experts; ++e)
        table_.columns.push_back({fmt::format("expert_{}", e), std::to_string(e), Kind::number, 3});
      experts_ = experts;
    }
    table_.columns.push_back({"sees", "sees"});
    table_.columns.push_back({"leak", "leak"});
  }

  void add(const ArmUse& use) {
    std::map<std::int64_t, std::vector<std::pair<const Used*, std::size_t>>> layers;
    for (const Used* run : use.runs)
      for (std::size_t l = 0; l < run->layers.size(); ++l)
        layers[run->layers[l]].emplace_back(run, l);
    for (const auto& [layer, places] : layers)
      if (by_ == UtilizationOptions::By::layer)
        add_layer(use, std::to_string(layer), places);
      else
        add_experts(use, std::to_string(layer), places);
    if (by_ == UtilizationOptions::By::layer && layers.size() > 1) {
      std::vector<LayerUse> all;
      for (const Used* run : use.runs)
        if (!run->layers.empty()) all.push_back(run->all);
      add_row(use, "all", all);
    }
  }

  Table take() {
    mark_leaks(table_, arms_);
    return std::move(table_);
  }

 private:
  using Places = std::vector<std::pair<const Used*, std::size_t>>;

  std::vector<Cell> begin(const ArmUse& use, const std::string& layer, std::size_t seeds) {
    arms_.push_back(use.arm);
    return {use.arm->name, layer, use.runs.front()->measure, static_cast<double>(seeds)};
  }

  void end(std::vector<Cell> row, const ArmUse& use) {
    row.push_back(sees_of(*use.arm));
    row.push_back(leak_of(*use.arm));
    table_.rows.push_back(std::move(row));
  }

  void add_layer(const ArmUse& use, const std::string& layer, const Places& places) {
    std::vector<LayerUse> runs;
    for (const auto& [run, l] : places) runs.push_back(run->uses[l]);
    add_row(use, layer, runs);
  }

  void add_row(const ArmUse& use, const std::string& layer, const std::vector<LayerUse>& runs) {
    std::vector<Cell> row = begin(use, layer, runs.size());
    for (const UseStatistic& statistic : use_statistics()) {
      std::vector<double> values;
      for (const LayerUse& run : runs) values.push_back(run.*statistic.value);
      const Sample sample = over_runs(values);
      if (statistic.column.kind == Kind::sample)
        row.emplace_back(sample);
      else
        row.emplace_back(sample.mean);
    }
    end(std::move(row), use);
  }

  void add_experts(const ArmUse& use, const std::string& layer, const Places& places) {
    std::vector<Cell> row = begin(use, layer, places.size());
    for (std::size_t e = 0; e < experts_; ++e) {
      std::vector<double> values;
      for (const auto& [run, l] : places)
        if (e < run->ratios[l].size()) values.push_back(run->ratios[l][e]);
      row.emplace_back(over_runs(values).mean);
    }
    end(std::move(row), use);
  }

  Table table_;
  UtilizationOptions::By by_;
  std::size_t experts_ = 0;
  std::vector<const Arm*> arms_;  // one per row
};

void add_notes(Table& table, const UtilizationOptions& options, const std::set<std::string>& of) {
  table.notes.push_back(
      options.window > 0
          ? fmt::format(
                "sums over the last {} records of training (all, if fewer), at training capacity",
                options.window)
      : options.at.kind == At::Kind::step
          ? fmt::format("the evaluation after {} steps", options.at.step)
      : options.at.kind == At::Kind::best ? std::string("the evaluation of each run's lowest loss")
                                          : std::string("the last evaluation of each run"));
  if (options.by == UtilizationOptions::By::expert) {
    table.notes.push_back("each expert's load over uniform, after capacity: 1 is balanced");
  } else {
    table.notes.push_back(
        "min to max: quantiles over experts of load over uniform, after capacity; CV, MaxVio, "
        "effective and dead experts: of demand, before capacity; entropy: of router scores, over "
        "log E");
    table.notes.push_back(
        "layer all: quantiles over the experts of all layers, the sum of dead experts, the mean "
        "over layers of the others");
  }
  if (of.contains("combine mass"))
    table.notes.push_back(
        "combine mass (of mixing plans): the weight of an expert's slots in the outputs; its "
        "dispatch "
        "mass is uniform by construction");
  if (of.contains("merge mass"))
    table.notes.push_back("merge mass: the weight of an expert in the merged expert");
}

}  // namespace

UtilizationOptions::By utilization_by(const std::string& text) {
  config::require_choice("--by", text, {"layer", "expert"});
  if (text == "layer") return UtilizationOptions::By::layer;
  return UtilizationOptions::By::expert;
}

Table utilization_table(const Request& request, const UtilizationOptions& options) {
  std::vector<Used> used;
  const Excerpt excerpt =
      options.window > 0 ? records_excerpt(options.window) : evaluation_excerpt(options.at);
  const Loaded loaded = load_runs(request, excerpt, [&](const Run& run, std::size_t outcome) {
    used.resize(outcome + 1);
    used[outcome] = used_of(run, options);
  });
  used.resize(loaded.outcomes.size());

  const std::vector<Arm> arms = arms_named(arms_of(loaded.outcomes), options.arms);
  std::vector<ArmUse> uses;
  std::vector<std::string> single;
  std::set<std::string> measures;
  std::size_t experts = 0;
  bool evaluated = false;
  for (const Arm& arm : arms) {
    ArmUse use{&arm, {}};
    for (const Outcome* run : arm.complete)
      use.runs.push_back(&used[static_cast<std::size_t>(run - loaded.outcomes.data())]);
    for (const Used* run : use.runs) evaluated |= run->evaluated;
    const bool any = std::any_of(use.runs.begin(), use.runs.end(),
                                 [](const Used* run) { return !run->layers.empty(); });
    if (any) {
      measures.insert(use.runs.front()->measure);
      for (const Used* run : use.runs) experts = std::max(experts, run->experts);
      uses.push_back(std::move(use));
    } else if (!use.runs.empty()) {
      single.push_back(arm.name);
    }
  }
  if (options.by == UtilizationOptions::By::expert && experts > kMostExperts)
    fail(Exit::usage, fmt::format("--by expert: {} experts are more columns than {}; take --by "
                                  "layer, or --table tidy",
                                  experts, kMostExperts));
  if (options.at.kind == At::Kind::step && options.window == 0 && !evaluated)
    fail(Exit::usage,
         fmt::format("--at {}: no complete run has an evaluation after that many steps; take last, "
                     "best or a step of --table curves",
                     options.at.step));

  Builder builder(options, experts);
  for (const ArmUse& use : uses) builder.add(use);
  Table table = builder.take();
  add_notes(table, options, measures);
  if (!single.empty())
    table.notes.push_back("no row, because no layer has several experts, or none was recorded: " +
                          joined(single));

  table.notes.insert(table.notes.end(), loaded.notes.begin(), loaded.notes.end());
  const std::vector<std::string> left_out = left_out_of(arms);
  table.notes.insert(table.notes.end(), left_out.begin(), left_out.end());
  return table;
}

}  // namespace moesim
