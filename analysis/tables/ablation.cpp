#include "analysis/tables/ablation.hpp"

#include "analysis/tables/column_names.hpp"
#include "analysis/tables/comparable.hpp"
#include "analysis/tables/grid.hpp"
#include "analysis/tables/notes.hpp"
#include "analysis/tables/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace moesim {
namespace {

using Texts = std::vector<std::string>;

// Metric is a quantity of an arm and its difference from the baseline.
struct Metric {
  RouterColumn column;
  std::optional<Target> target;

  Cell cell(const Arm& arm, const Arm& baseline) const {
    return column.cell({arm, &baseline, difference_in_loss(arm, baseline), target});
  }
  Difference difference(const Arm& arm, const Arm& baseline) const {
    return column.value ? difference_of(arm, baseline, column.value) : Difference();
  }
  bool is_loss() const { return column.column.key == "eval_loss"; }
};

std::string column_key(const std::string& setting, const std::string& value) {
  std::string key;
  for (const char c : setting + "_" + value) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    key += plain ? c : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : '_';
  }
  return key;
}

// Highlights the cell of an arm and links it to the notes about the arm.
void point(const Arm& arm, Table::Place place, const std::set<std::string>& marked,
           const RouterNotes& notes, Table& table) {
  if (marked.contains(arm.name)) table.bold.insert(place);
  if (const auto lines = notes.about_loss(arm); !lines.empty()) table.references[place] = lines;
}

// Builds the grid table. A baseline outside the grid, such as the dense model, is its first row.
Table table_of(const Grid& grid, bool baseline_apart, const Arm& baseline, const Metric& metric,
               const std::set<std::string>& marked, const RouterNotes& notes) {
  Table table;
  const std::string& row_key = grid.rows.settings[0];
  table.columns.push_back({row_key, grid.rows.name + " \\ " + grid.columns.name});
  std::set<std::string> keys{row_key};
  for (const GridAxis::Values& values : grid.columns.values) {
    Column column = metric.column.column;
    column.key = column_key(grid.columns.settings[0], values[0]);
    while (!keys.insert(column.key).second) column.key += '_';
    column.title = grid.columns.name + " = " + GridAxis::text(values);
    table.columns.push_back(std::move(column));
  }
  const auto add_row = [&](const std::string& name, const auto& arm_of) {
    std::vector<Cell> cells{name};
    for (std::size_t column = 0; column < grid.columns.values.size(); ++column) {
      const Arm* arm = arm_of(column);
      if (arm != nullptr) point(*arm, {table.rows.size(), cells.size()}, marked, notes, table);
      cells.push_back(arm == nullptr ? Cell() : metric.cell(*arm, baseline));
    }
    table.rows.push_back(std::move(cells));
  };
  if (baseline_apart) add_row(baseline.name, [&](std::size_t) { return &baseline; });
  for (std::size_t row = 0; row < grid.rows.values.size(); ++row)
    add_row(GridAxis::text(grid.rows.values[row]),
            [&](std::size_t column) { return grid.arm(row, column); });
  return table;
}

// Adds the note that explains the cells of a grid, since no column title does.
void describe(const Grid& grid, bool baseline_apart, const Arm& baseline, const Metric& metric,
              Table& table) {
  std::size_t fewest = baseline.complete.size(), most = fewest;
  for (const auto& [place, arm] : grid.arms) {
    fewest = std::min(fewest, arm->complete.size());
    most = std::max(most, arm->complete.size());
  }
  const Column& column = metric.column.column;
  const std::string seeds =
      fewest == most ? fmt::format("{}", most) : fmt::format("{} to {}", fewest, most);
  table.notes.push_back(fmt::format("{} by {} (rows) and {} (columns)", column.title,
                                    grid.rows.settings_text(), grid.columns.settings_text()));
  if (most > 0)
    table.notes.push_back(fmt::format("{} over {} seed{} of each arm",
                                      column.kind == Column::Kind::sample && most > 1
                                          ? "mean ± sample standard deviation"
                                          : "mean",
                                      seeds, most == 1 ? "" : "s"));
  if (baseline_apart)
    table.notes.push_back(baseline.name +
                          " is the baseline and outside the grid: its row has one number");
}

Table table_of(const std::vector<const Arm*>& arms, const Texts& axes, const Arm& baseline,
               const Metric& metric, const std::set<std::string>& marked,
               const RouterNotes& notes) {
  using Kind = Column::Kind;
  Table table;
  table.columns.push_back({"arm", "arm"});
  for (const std::string& axis : axes) table.columns.push_back({axis, axis});
  const Column& column = metric.column.column;
  table.columns.push_back({"seeds", "seeds", Kind::count});
  table.columns.push_back(column);
  table.columns.push_back({column.key + "_difference", "vs " + baseline.name, Kind::sample,
                           column.decimals, column.better});
  table.columns.push_back(
      {column.key + "_interval", kIntervalTitle, Kind::interval, column.decimals});
  table.columns.push_back({"p_holm", kHolmTitle, Kind::number, 4});
  table.columns.push_back({"sees", "sees"});
  table.columns.push_back({"leak", "leak"});

  std::vector<Difference> differences;
  for (const Arm* arm : arms)
    differences.push_back(arm == &baseline ? Difference() : metric.difference(*arm, baseline));
  adjust(differences);
  const std::vector<RouterColumn> facts = router_columns(&baseline, metric.target);
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const Arm& arm = *arms[i];
    const auto fact = [&](const std::string& key) {
      return find_column(facts, key, {}).cell({arm, &baseline, differences[i], metric.target});
    };
    std::vector<Cell> cells{arm.name};
    for (const std::string& axis : axes) {
      const std::string* value = value_in(arm, axis);
      cells.push_back(value == nullptr ? Cell() : Cell(*value));
    }
    cells.push_back(fact("seeds"));
    point(arm, {i, cells.size()}, marked, notes, table);
    cells.push_back(metric.cell(arm, baseline));
    const bool is_compared = differences[i].method != Difference::Method::none;
    cells.push_back(is_compared ? Cell(differences[i].sample) : Cell());
    cells.push_back(is_compared ? Cell(differences[i].interval) : Cell());
    cells.push_back(is_compared ? Cell(differences[i].p_holm) : Cell());
    cells.push_back(fact("sees"));
    cells.push_back(fact("leak"));
    table.rows.push_back(std::move(cells));
  }
  return table;
}

// Sorts the arms: the baseline, then the others by their settings.
std::vector<const Arm*> in_order(const std::vector<Arm>& arms, const Arm* baseline,
                                 const Texts& axes) {
  std::vector<const Arm*> order;
  for (const Arm& arm : arms) order.push_back(&arm);
  std::stable_sort(order.begin(), order.end(), [&](const Arm* a, const Arm* b) {
    if (a == baseline || b == baseline) return a == baseline && b != baseline;
    for (const std::string& axis : axes) {
      const std::string* x = value_in(*a, axis);
      const std::string* y = value_in(*b, axis);
      if (x == nullptr || y == nullptr) {
        if (x != y) return x == nullptr;
      } else if (*x != *y) {
        return value_before(axis, *x, *y);
      }
    }
    return false;
  });
  return order;
}

}  // namespace

Table ablation_table(const std::vector<Outcome>& outcomes, const AblationOptions& options) {
  const std::vector<Outcome> moved = at_all(outcomes, options.at);
  const std::vector<Arm> all = arms_of(moved);
  std::vector<Arm> arms = arms_named(all, options.arms);
  const Arm* named = baseline_of(all, options.baseline);
  const std::optional<Target> target = target_of(options.target, named);
  // The baseline is a row even if --arm does not name it.
  if (named != nullptr && std::none_of(arms.begin(), arms.end(),
                                       [&](const Arm& arm) { return arm.name == named->name; }))
    arms.insert(arms.begin(), *named);
  const Arm* baseline = &arms.front();
  for (const Arm& arm : arms)
    if (named != nullptr && arm.name == named->name) baseline = &arm;

  Metric metric{find_column(router_columns(baseline, target), options.metric, moved), target};
  if (metric.column.is_quantity)
    metric.column.column.decimals = decimals_of(arms, metric.column.value);
  std::set<std::string> marked;
  if (metric.is_loss())
    if (const std::optional<Best> best = best_of(arms, baseline))
      for (const std::size_t arm : best->marked()) marked.insert(arms[arm].name);

  std::vector<const Arm*> everyone, others;
  for (const Arm& arm : arms) {
    everyone.push_back(&arm);
    if (&arm != baseline) others.push_back(&arm);
  }
  const std::string& key = metric.column.column.key;
  const RouterNotes notes = router_notes(arms, baseline,
                                         {.losses = is_of_loss(key),
                                          .drops = is_of_drops(key),
                                          .target = is_of_target(key) ? target : std::nullopt,
                                          .chosen = arms.size() < all.size()});
  std::optional<Grid> grid = options.rows ? std::nullopt : grid_of(everyone);
  const bool apart = !grid && !options.rows;
  if (apart) grid = grid_of(others);
  const Texts axes = telling_settings(everyone);
  Table table =
      grid ? table_of(*grid, apart, *baseline, metric, marked, notes)
           : table_of(in_order(arms, baseline, axes), axes, *baseline, metric, marked, notes);
  table.name = "ablation";
  table.notes = notes.lines;
  if (grid) describe(*grid, apart, *baseline, metric, table);
  return table;
}

Table ablation_table(const Request& request, const AblationOptions& options) {
  Request with_quantities = request;
  with_quantities.quantities = quantities_among({options.metric});
  const Loaded loaded = load_runs(with_quantities);
  Table table = ablation_table(loaded.outcomes, options);
  table.notes.insert(table.notes.end(), loaded.notes.begin(), loaded.notes.end());
  return table;
}

}  // namespace moesim
