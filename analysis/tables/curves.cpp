#include "analysis/tables/curves.hpp"

#include "analysis/runs/arms.hpp"
#include "analysis/tables/arm_words.hpp"
#include "analysis/tables/curve.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>

namespace moesim {
namespace {

// ValuesOfRun is the curve of one run; runs with equal steps share them.
struct ValuesOfRun {
  std::shared_ptr<const std::vector<double>> x;
  std::vector<double> y;
};

[[noreturn]] void fail_unknown(const Loaded& loaded, const std::string& name) {
  std::vector<std::string> known;
  for (const std::string& known_name : quantities_of(read_run(loaded.outcomes.front().path)))
    known.push_back(config::printable(known_name));
  const std::string near = nearest(name, known);
  // A missing default quantity means that the runs do not have it (Exit::data); another name is a
  // typing mistake (Exit::usage).
  const Exit code = name == CurvesOptions{}.quantity ? Exit::data : Exit::usage;
  fail(code, "no run has '" + config::printable(name) +
                 "': " + (near.empty() ? "" : "did you mean " + near + "? ") + "there are " +
                 joined(known));
}

// Returns decimals for five digits of the largest value, but at least four below 100, as for
// losses.
int decimals_for(double largest) {
  if (!(largest > 0) || std::isinf(largest)) return 4;
  const int before = static_cast<int>(std::floor(std::log10(largest))) + 1;
  return before >= 3 ? std::max(0, 5 - before) : before >= 1 ? 4 : std::min(9, 5 - before);
}

// Returns the samples of an arm by step.
std::map<double, Sample> samples_of(const std::vector<const ValuesOfRun*>& runs) {
  std::map<double, std::vector<double>> values;
  for (const ValuesOfRun* run : runs)
    for (std::size_t i = 0; i < run->y.size(); ++i) {
      if (!std::isfinite((*run->x)[i])) continue;  // only in files not written by moesim
      std::vector<double>& at = values[(*run->x)[i]];
      if (!std::isnan(run->y[i])) at.push_back(run->y[i]);
    }
  std::map<double, Sample> samples;
  for (const auto& [step, seeds] : values) samples[step] = sample_of(seeds);
  return samples;
}

// Adds the note about steps at which fewer seeds count than the arm has.
void note_gaps(Table& table, const std::vector<std::string>& fewer) {
  if (!fewer.empty())
    table.notes.push_back(
        "joined on the step, and NaN left out, so some steps are means of fewer seeds: " +
        joined(fewer));
}

}  // namespace

Table curves_table(const Request& request, const CurvesOptions& options) {
  const Quantity quantity = quantity_of(options.quantity);
  std::vector<ValuesOfRun> values;
  std::shared_ptr<const std::vector<double>> steps;  // of the previous run
  std::set<std::string> axes;
  bool averaged = false, found = false;
  const Loaded loaded =
      load_runs(request, curve_excerpt(quantity), [&](const Run& run, std::size_t outcome) {
        values.resize(outcome + 1);
        std::optional<Curve> curve = curve_of(run, quantity, options.layer);
        if (!curve) return;
        found = true;
        averaged |= curve->layers_averaged;
        axes.insert(curve->axis);
        if (steps == nullptr || *steps != curve->x)
          steps = std::make_shared<const std::vector<double>>(std::move(curve->x));
        values[outcome] = {steps, std::move(curve->y)};
      });
  values.resize(loaded.outcomes.size());
  if (!found) fail_unknown(loaded, quantity.name);

  const std::vector<Arm> arms = arms_named(arms_of(loaded.outcomes), options.arms);
  Table table;
  table.name = "curves";
  table.columns = {{"step", "step", Column::Kind::number, 0}};
  std::vector<std::map<double, Sample>> samples;
  std::vector<std::string> fewer, leaking, without;
  std::set<double> all_steps;
  std::set<std::string> keys = {"step"};
  double largest = 0;
  for (const Arm& arm : arms) {
    std::vector<const ValuesOfRun*> runs;
    for (const Outcome* run : arm.complete) {
      const ValuesOfRun& of = values[static_cast<std::size_t>(run - loaded.outcomes.data())];
      if (of.x != nullptr) runs.push_back(&of);
    }
    if (runs.empty()) {
      if (!arm.complete.empty()) without.push_back(arm.name);
      continue;
    }
    samples.push_back(samples_of(runs));
    std::size_t gaps = 0;
    for (const auto& [step, sample] : samples.back()) {
      all_steps.insert(step);
      if (sample.count > 0) largest = std::max(largest, std::abs(sample.mean));
      gaps += sample.count < runs.size();
    }
    if (gaps > 0) fewer.push_back(fmt::format("{} ({} steps)", arm.name, gaps));
    if (arm.leaks) leaking.push_back(arm.name);
    table.columns.push_back({key_of(arm.name, keys), arm.name, Column::Kind::sample});
  }
  for (Column& column : table.columns)
    if (column.kind == Column::Kind::sample) column.decimals = decimals_for(largest);
  for (const double step : all_steps) {
    std::vector<Cell> row{step};
    for (const auto& arm : samples) {
      const auto at = arm.find(step);
      row.push_back(at == arm.end() ? Cell() : Cell(at->second));
    }
    table.rows.push_back(std::move(row));
  }

  const std::string& axis = *axes.begin();
  table.notes.push_back(fmt::format(
      "{}: mean ± sample standard deviation over seeds; {}{}", config::printable(options.quantity),
      axis == "eval"     ? "step: training steps done before the evaluation"
      : axis == "record" ? "step: number of the recorded step, from 0"
                         : "step: number of the training step, from 0",
      averaged        ? "; mean over layers, without those that are NaN"
      : options.layer ? fmt::format("; layer {}", *options.layer)
                      : ""));
  note_gaps(table, fewer);
  if (!leaking.empty())
    table.notes.push_back("leaks (a token's output depends on later tokens): " + joined(leaking));
  if (!without.empty())
    table.notes.push_back("no column, because it is not recorded: " + joined(without));
  std::map<std::string, std::vector<std::string>> sees;
  for (const Arm& arm : arms)
    if (const Cell cell = sees_of(arm); std::holds_alternative<std::string>(cell))
      sees[std::get<std::string>(cell)].push_back(arm.name);
  for (const auto& [what, names] : sees)
    table.notes.push_back("sees " + what + ": " + joined(names));
  table.notes.insert(table.notes.end(), loaded.notes.begin(), loaded.notes.end());
  for (std::string& line : left_out_of(arms)) table.notes.push_back(std::move(line));
  return table;
}

}  // namespace moesim
