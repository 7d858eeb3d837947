#include "analysis/tables/ablation.hpp"

#include "analysis/tables/comparable.hpp"
#include "analysis/tables/notes.hpp"
#include "analysis/tables/router_columns.hpp"
#include "analysis/tables/target.hpp"
#include "sim/config/text.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace moesim {
namespace {

using Texts = std::vector<std::string>;

const std::string* value_in(const Arm& arm, const std::string& key) {
  const auto found = arm.settings.find(key);
  return found == arm.settings.end() ? nullptr : &found->second;
}

// Numbers by their size, before words.
bool before(const std::string& a, const std::string& b) {
  const auto number = [](const std::string& text) -> std::optional<double> {
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [rest, problem] = std::from_chars(text.data(), end, value);
    return problem == std::errc() && rest == end ? std::optional(value) : std::nullopt;
  };
  const auto x = number(a), y = number(b);
  if (x && y) return *x < *y;
  if (x || y) return x.has_value();
  return a < b;
}

// The settings that tell these arms apart. One that only some arms have tells nothing if it is the
// same for those: it comes with another, as the options of a router do with the router.
Texts axes_of(const std::vector<const Arm*>& arms) {
  Texts axes;
  for (const std::string& key : differing_keys(arms)) {
    std::set<std::string> values;
    for (const Arm* arm : arms)
      if (const std::string* value = value_in(*arm, key)) values.insert(*value);
    if (values.size() > 1) axes.push_back(key);
  }
  return axes;
}

// The metric of an arm, and how far it is from the baseline's.
struct Metric {
  RouterColumn column;
  std::optional<double> target;

  Cell cell(const Arm& arm, const Arm& baseline) const {
    return column.cell({arm, &baseline, difference_in_loss(arm, baseline), target});
  }
  Difference difference(const Arm& arm, const Arm& baseline) const {
    return column.value ? difference_of(arm, baseline, column.value) : Difference();
  }
  bool is_loss() const { return column.column.key == "eval_loss"; }
};

// The arms by the values of two settings, each pair at most once.
struct Grid {
  std::string rows, columns;  // the settings
  Texts row_values, column_values;
  std::map<std::pair<std::string, std::string>, const Arm*> arms;
};

std::optional<Grid> grid_of(const std::vector<const Arm*>& arms) {
  const Texts axes = axes_of(arms);
  if (axes.size() != 2) return std::nullopt;
  Grid grid{axes[0], axes[1], {}, {}, {}};
  for (const Arm* arm : arms) {
    const std::string* row = value_in(*arm, axes[0]);
    const std::string* column = value_in(*arm, axes[1]);
    if (row == nullptr || column == nullptr ||
        !grid.arms.emplace(std::pair(*row, *column), arm).second)
      return std::nullopt;
    grid.row_values.push_back(*row);
    grid.column_values.push_back(*column);
  }
  for (Texts* values : {&grid.row_values, &grid.column_values}) {
    std::sort(values->begin(), values->end(), before);
    values->erase(std::unique(values->begin(), values->end()), values->end());
  }
  // Two settings that change together are no grid.
  if (2 * grid.arms.size() <= grid.row_values.size() * grid.column_values.size())
    return std::nullopt;
  return grid;
}

std::string key_of(const std::string& setting, const std::string& value) {
  std::string key;
  for (const char c : setting + "_" + value) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    key += plain ? c : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : '_';
  }
  return key;
}

// Marks the cell of an arm, and points to what is noted about it.
void point(const Arm& arm, Table::Place place, const std::set<std::string>& marked,
           const RouterNotes& notes, Table& table) {
  if (marked.contains(arm.name)) table.bold.insert(place);
  if (const auto lines = notes.about_loss(arm); !lines.empty()) table.references[place] = lines;
}

Table table_of(const Grid& grid, const Arm& baseline, const Metric& metric,
               const std::set<std::string>& marked, const RouterNotes& notes) {
  Table table;
  table.columns.push_back({grid.rows, grid.rows + " \\ " + grid.columns});
  std::set<std::string> keys{grid.rows};
  for (const std::string& value : grid.column_values) {
    Column column = metric.column.column;
    column.key = key_of(grid.columns, value);
    while (!keys.insert(column.key).second) column.key += '_';
    column.title = value.empty() ? "empty" : value;
    table.columns.push_back(std::move(column));
  }
  for (const std::string& row : grid.row_values) {
    std::vector<Cell> cells{row};
    for (const std::string& column : grid.column_values) {
      const auto arm = grid.arms.find({row, column});
      if (arm != grid.arms.end())
        point(*arm->second, {table.rows.size(), cells.size()}, marked, notes, table);
      cells.push_back(arm == grid.arms.end() ? Cell() : metric.cell(*arm->second, baseline));
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
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
  table.columns.push_back({column.key + "_interval", "95 %", Kind::interval, column.decimals});
  table.columns.push_back({"p_holm", "p", Kind::number, 4});
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

// The baseline, then the others by their settings.
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
        return before(*x, *y);
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
  const std::optional<double> target = target_of(options.target, named);
  // The baseline is a row, whether it is named among the arms or not.
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
    if (const std::optional<Best> best = best_of(arms, baseline)) {
      marked.insert(arms[best->arm].name);
      for (const std::size_t arm : best->tied()) marked.insert(arms[arm].name);
    }

  std::vector<const Arm*> everyone, others;
  for (const Arm& arm : arms) {
    everyone.push_back(&arm);
    if (&arm != baseline) others.push_back(&arm);
  }
  const RouterNotes notes = router_notes(arms, baseline, std::nullopt);
  const std::optional<Grid> whole = options.rows ? std::nullopt : grid_of(everyone);
  // A baseline that is no point of the grid, such as the dense model, is told below it.
  const std::optional<Grid> rest = options.rows || whole ? std::nullopt : grid_of(others);
  const Texts axes = axes_of(everyone);
  Table table =
      whole  ? table_of(*whole, *baseline, metric, marked, notes)
      : rest ? table_of(*rest, *baseline, metric, marked, notes)
             : table_of(in_order(arms, baseline, axes), axes, *baseline, metric, marked, notes);
  table.name = "ablation";
  table.notes = notes.lines;
  const Grid* grid = whole ? &*whole : rest ? &*rest : nullptr;
  if (grid != nullptr)
    table.notes.push_back(metric.column.column.title + " by " + grid->rows + " (rows) and " +
                          grid->columns + " (columns)");
  if (rest) {
    Table alone;
    alone.columns = {metric.column.column};
    alone.rows = {{metric.cell(*baseline, *baseline)}};
    std::string text = render(alone, Format::text);
    text = text.substr(text.find('\n') + 1);
    text.resize(std::min(text.find('\n'), text.size()));
    table.notes.push_back("the baseline, " + baseline->name + ": " +
                          std::string(config::trimmed(text)));
  }
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
