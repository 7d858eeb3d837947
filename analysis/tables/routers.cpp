#include "analysis/tables/routers.hpp"

#include "analysis/render/escape.hpp"
#include "analysis/tables/comparable.hpp"
#include "analysis/tables/notes.hpp"
#include "analysis/tables/router_columns.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace moesim {

namespace {

using About = RouterNotes::About;

std::vector<RouterColumn> chosen_columns(const std::vector<RouterColumn>& all,
                                         const RoutersOptions& options,
                                         const std::vector<Outcome>& outcomes) {
  std::vector<RouterColumn> chosen;
  for (const std::string& name : options.columns)
    chosen.push_back(find_column(all, name, outcomes));
  if (!options.columns.empty()) return chosen;
  for (const RouterColumn& column : all)
    if (column.shown == RouterColumn::Shown::always ||
        (column.shown == RouterColumn::Shown::with_target && !options.target.empty()))
      chosen.push_back(column);
  return chosen;
}

// Four digits of what has no decimals of its own.
void set_decimals(Table& table, std::size_t column) {
  double largest = 0;
  for (const auto& row : table.rows)
    if (const auto* sample = std::get_if<Sample>(&row[column]);
        sample && std::isfinite(sample->mean))
      largest = std::max(largest, std::abs(sample->mean));
  if (largest > 0)
    table.columns[column].decimals =
        std::clamp(3 - static_cast<int>(std::floor(std::log10(largest))), 0, 10);
}

std::optional<std::size_t> place_of(const Table& table, const std::string& key) {
  for (std::size_t column = 0; column < table.columns.size(); ++column)
    if (table.columns[column].key == key) return column;
  return std::nullopt;
}

void mark_best(const std::vector<Arm>& arms, const Arm* baseline, Table& table) {
  const auto column = place_of(table, "eval_loss");
  const std::optional<Best> best = best_of(arms, baseline);
  if (!best || !column) return;
  table.bold.insert({best->arm, *column});
  for (const std::size_t arm : best->tied()) table.bold.insert({arm, *column});
}

void refer(const std::vector<Arm>& arms, const std::vector<Difference>& differences,
           const RouterNotes& notes, Table& table) {
  const auto add = [&](std::size_t row, std::vector<std::string> keys, About about) {
    const auto note = notes.places.find(about);
    if (note == notes.places.end()) return;
    for (const std::string& key : keys)
      if (const auto column = place_of(table, key))
        table.references[{row, *column}].insert(note->second);
  };
  for (std::size_t row = 0; row < arms.size(); ++row) {
    const Arm& arm = arms[row];
    if (differences[row].method == Difference::Method::welch)
      add(row, {"eval_loss_difference", "eval_loss_interval"}, About::unpaired);
    add(row, {"target_reached"}, About::target);
    if (arm.leaks) add(row, {"eval_loss", "leak"}, About::leak);
    if (std::any_of(arm.runs.begin(), arm.runs.end(),
                    [](const Outcome* run) { return run->status == "diverged"; }))
      add(row, {"eval_loss", "diverged", "stable_seeds"}, About::diverged);
    if (arm.loss().count == 1) add(row, {"eval_loss"}, About::single);
  }
}

// The loss that options.target means.
std::optional<double> target_of(const std::string& text, const Arm* baseline) {
  if (text.empty()) {
    const double loss = baseline == nullptr ? std::nan("") : baseline->loss().mean;
    return std::isfinite(loss) ? std::optional(loss) : std::nullopt;
  }
  if (text == "baseline") {
    if (baseline == nullptr)
      fail(Exit::usage, "--target baseline: there is no baseline; name one by --baseline ARM");
    const double loss = baseline->loss().mean;
    if (!std::isfinite(loss))
      fail(Exit::usage, "--target baseline: no run of " + terminal_safe(baseline->name) +
                            " is complete, so its loss is not known");
    return loss;
  }
  double target = 0;
  const char* end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(text.data(), end, target);
  if (problem != std::errc() || rest != end || !std::isfinite(target))
    fail(Exit::usage,
         "--target " + terminal_safe(text) + ": expected a loss, such as 1.85, or baseline");
  return target;
}

std::vector<Outcome> moved(const std::vector<Outcome>& outcomes, const At& evaluation) {
  std::vector<Outcome> all;
  for (const Outcome& outcome : outcomes) all.push_back(at(outcome, evaluation));
  if (evaluation.kind == At::Kind::step &&
      std::all_of(all.begin(), all.end(),
                  [](const Outcome& outcome) { return std::isnan(outcome.step); }))
    fail(Exit::usage,
         "--at " + std::to_string(evaluation.step) + ": no run was evaluated after so many steps");
  return all;
}

Table table_of(const std::vector<Outcome>& outcomes, const RoutersOptions& options) {
  const std::vector<Arm> all = arms_of(outcomes);
  const Arm* baseline = baseline_of(all, options.baseline);
  const std::vector<Arm> arms = arms_named(all, options.arms);
  const std::optional<double> target = target_of(options.target, baseline);
  const std::vector<RouterColumn> columns =
      chosen_columns(router_columns(baseline, target), options, outcomes);
  const std::vector<Difference> differences = differences_to(baseline, arms);

  Table table;
  table.name = "routers";
  for (const RouterColumn& column : columns) table.columns.push_back(column.column);
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const RouterRow row{arms[i], baseline, differences[i], target};
    table.rows.emplace_back();
    for (const RouterColumn& column : columns) table.rows.back().push_back(column.cell(row));
  }
  for (std::size_t column = 0; column < columns.size(); ++column)
    if (columns[column].is_quantity) set_decimals(table, column);
  const RouterNotes notes = router_notes(arms, baseline, target);
  table.notes = notes.lines;
  mark_best(arms, baseline, table);
  refer(arms, differences, notes, table);
  return table;
}

}  // namespace

Table routers_table(const std::vector<Outcome>& outcomes, const RoutersOptions& options) {
  if (options.at.kind == At::Kind::last) return table_of(outcomes, options);
  return table_of(moved(outcomes, options.at), options);
}

Table routers_table(const Request& request, const RoutersOptions& options) {
  Request with_quantities = request;
  for (std::string& name : quantities_among(options.columns))
    with_quantities.quantities.push_back(std::move(name));
  const Loaded loaded = load_runs(with_quantities);
  Table table = routers_table(loaded.outcomes, options);
  table.notes.insert(table.notes.end(), loaded.notes.begin(), loaded.notes.end());
  return table;
}

std::vector<std::string> routers_columns() {
  std::vector<std::string> keys;
  for (const RouterColumn& column : router_columns(nullptr, std::nullopt))
    if (column.shown == RouterColumn::Shown::always) keys.push_back(column.column.key);
  return keys;
}

}  // namespace moesim
