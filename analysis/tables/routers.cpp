#include "analysis/tables/routers.hpp"

#include "analysis/render/choose_columns.hpp"
#include "analysis/render/escape.hpp"
#include "analysis/tables/column_names.hpp"
#include "analysis/tables/comparable.hpp"
#include "analysis/tables/notes.hpp"
#include "analysis/tables/preserved.hpp"
#include "analysis/tables/target.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

namespace moesim {

namespace {

using About = RouterNotes::About;

// True if a run began with the weights of another.
bool have_sources(const std::vector<Arm>& arms) {
  const auto has = [](const Outcome* run) { return run->flops_before > 0; };
  return std::any_of(arms.begin(), arms.end(), [&](const Arm& arm) {
    return std::any_of(arm.complete.begin(), arm.complete.end(), has);
  });
}

// True if a run trains fewer than all of its parameters.
bool have_frozen(const std::vector<Arm>& arms) {
  const auto has = [](const Outcome* run) {
    return run->parameters_trained < run->parameters_total;
  };
  return std::any_of(arms.begin(), arms.end(), [&](const Arm& arm) {
    return std::any_of(arm.runs.begin(), arm.runs.end(), has);
  });
}

// The columns that options name, after the name of the arm; else those that are shown.
std::vector<RouterColumn> chosen_columns(const std::vector<RouterColumn>& all,
                                         const RoutersOptions& options,
                                         const std::vector<Arm>& arms,
                                         const std::vector<Outcome>& outcomes, bool from) {
  std::vector<RouterColumn> chosen;
  for (const std::string& name : options.columns)
    chosen.push_back(find_column(all, name, outcomes));
  const auto is_arm = [](const RouterColumn& column) { return column.column.key == "arm"; };
  if (!chosen.empty() && std::none_of(chosen.begin(), chosen.end(), is_arm))
    chosen.insert(chosen.begin(), find_column(all, "arm", outcomes));
  if (!options.columns.empty()) return chosen;
  const auto recorded = [&](const RouterColumn& column) {
    return std::any_of(outcomes.begin(), outcomes.end(),
                       [&](const Outcome& run) { return !std::isnan(column.value(run)); });
  };
  for (const RouterColumn& column : all)
    if (column.shown == RouterColumn::Shown::always ||
        (column.shown == RouterColumn::Shown::with_target && !options.target.empty()) ||
        (column.shown == RouterColumn::Shown::with_from && from) ||
        (column.shown == RouterColumn::Shown::with_rules && recorded(column)) ||
        (column.shown == RouterColumn::Shown::with_source && have_sources(arms)) ||
        (column.shown == RouterColumn::Shown::with_frozen && have_frozen(arms)) ||
        (column.shown == RouterColumn::Shown::other_tokens && compares_bytes(arms)))
      chosen.push_back(column);
  return chosen;
}

void mark_best(const std::vector<Arm>& arms, const Arm* baseline, const LossOf& loss,
               const std::string& key, Table& table) {
  const auto column = column_of(table, key);
  const std::optional<Best> best = best_of(with_baseline(arms, baseline), baseline, loss);
  if (!best || !column) return;
  for (const std::size_t arm : best->marked())
    if (arm < arms.size()) table.bold.insert({arm, *column});  // the baseline may be hidden
}

void refer(const std::vector<Arm>& arms, const std::vector<Difference>& differences,
           const RouterNotes& notes, Table& table) {
  const auto add = [&](std::size_t row, const std::vector<std::string>& keys,
                       const std::set<std::size_t>& about) {
    for (const std::string& key : keys)
      if (const auto column = column_of(table, key); column && !about.empty())
        table.references[{row, *column}].insert(about.begin(), about.end());
  };
  for (std::size_t row = 0; row < arms.size(); ++row) {
    const Arm& arm = arms[row];
    add(row, {"eval_loss"}, notes.about_loss(arm));
    add(row, {"leak"}, notes.about(About::leak, arm.name));
    add(row, {"eval_loss_from"}, notes.about_loss_from(arm));
    add(row, {"diverged", "stable_seeds"}, notes.about(About::diverged, arm.name));
    add(row, {"target_reached", "seconds_to_target"}, notes.about(About::target, arm.name));
    add(row, {"drops_percent"}, notes.about(About::drops, arm.name));
    if (differences[row].method == Difference::Method::welch)
      add(row, {"eval_loss_difference"}, notes.about(About::unpaired, arm.name));
  }
}

// The arm called `name`. Throws Exit::usage for none, or without another arm as the baseline.
const Arm* teacher_of(const std::vector<Arm>& arms, const Arm* baseline, const std::string& name) {
  if (name.empty()) return nullptr;
  const Arm* teacher = baseline_of(arms, name);
  if (baseline == nullptr || baseline == teacher)
    fail(Exit::usage,
         "--teacher " + name + ": needs another arm as the baseline; set --baseline ARM");
  return teacher;
}

// Adds the columns of preserved.hpp after that of the loss.
void add_preserved(const Arm& baseline, const Arm& teacher, std::vector<RouterColumn>& columns) {
  const auto loss = std::find_if(columns.begin(), columns.end(), [](const RouterColumn& column) {
    return column.column.key == "eval_loss";
  });
  const std::vector<RouterColumn> added = preserved_columns(baseline, teacher);
  columns.insert(loss == columns.end() ? loss : loss + 1, added.begin(), added.end());
}

Table table_of(const std::vector<Outcome>& outcomes, const RoutersOptions& options) {
  const std::vector<Arm> all = arms_of(outcomes);
  const Arm* baseline = baseline_of(all, options.baseline);
  const std::vector<Arm> arms = arms_named(all, options.arms);
  const std::optional<Target> target = target_of(options.target, baseline);
  const std::optional<index> from = common_from(with_baseline(arms, baseline));
  const bool has_from = std::any_of(outcomes.begin(), outcomes.end(),
                                    [](const Outcome& run) { return !std::isnan(run.loss_from); });
  const Arm* teacher = teacher_of(all, baseline, options.teacher);
  std::vector<RouterColumn> columns =
      chosen_columns(router_columns(baseline, target, from), options, arms, outcomes, has_from);
  if (teacher != nullptr) add_preserved(*baseline, *teacher, columns);
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
    if (columns[column].is_quantity)
      table.columns[column].decimals = decimals_of(arms, columns[column].value);
  const auto shows = [&](bool (*is_of)(const std::string&)) {
    return std::any_of(table.columns.begin(), table.columns.end(),
                       [&](const Column& column) { return is_of(column.key); });
  };
  const RouterNotes notes = router_notes(arms, baseline,
                                         {.losses = shows(is_of_loss),
                                          .from = shows(is_of_loss_from) ? from : std::nullopt,
                                          .drops = shows(is_of_drops),
                                          .target = shows(is_of_target) ? target : std::nullopt,
                                          .chosen = arms.size() < all.size()});
  table.notes = notes.lines;
  if (teacher != nullptr) table.notes.push_back(preserved_note(*baseline, *teacher, arms));
  mark_best(arms, baseline, kWholeLoss, "eval_loss", table);
  if (from) mark_best(arms, baseline, kLossFrom, "eval_loss_from", table);
  refer(arms, differences, notes, table);
  return table;
}

}  // namespace

Table routers_table(const std::vector<Outcome>& outcomes, const RoutersOptions& options) {
  if (options.at.kind == At::Kind::last) return table_of(outcomes, options);
  return table_of(at_all(outcomes, options.at), options);
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

}  // namespace moesim
