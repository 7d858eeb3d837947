// Builds maps of the weights of Soft MoE, positions × slots, and of tokens in experts. A cell is a number
// over what an even distribution has; 1 has the neutral colour.
#include "analysis/figures/table_columns.hpp"
#include "analysis/figures/trace_figures.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace moesim {
namespace {

constexpr std::size_t kMostTokens = 64;      // of a map of tokens in experts
constexpr std::size_t kMostCells = 1 << 18;  // of a map

// What the rows and columns of a map are: keys of the table, and titles of axes.
struct GridAxes {
  const char *row, *column, *y, *x;
};

GridAxes grid_axes(const Table& table) {
  if (table.name == "tokens") return {"token", "expert", "token", "expert"};
  if (has_column(table, "slot")) return {"position", "slot", "position", "slot"};
  return {"sequence", "position", "sequence", "position"};
}

std::string text_or_number(const Table& table, std::size_t row, const char* key) {
  std::string text = text_at(table, row, key);
  if (!text.empty()) return text;
  const double number = number_at(table, row, key);
  return std::isfinite(number) ? fmt::format("{:.0f}", number) : "";
}

// Names in the order in which they appear, with their places.
class PlacedNames {
 public:
  std::size_t place(const std::string& name) {
    const auto [found, added] = places_.emplace(name, all_.size());
    if (added) all_.push_back(name);
    return found->second;
  }
  const std::vector<std::string>& all() const { return all_; }

 private:
  std::map<std::string, std::size_t> places_;
  std::vector<std::string> all_;
};

struct GridCell {
  std::size_t row, column;
  double value;
};

// One map: the rows of the table of one run and layer.
struct Grid {
  std::string title;
  PlacedNames rows, columns;
  std::vector<GridCell> cells;
};

// What to call the ids of these rows: their text, with the id where it is no name.
std::map<std::string, std::string> names_of_ids(const Table& table,
                                                const std::vector<std::size_t>& rows) {
  std::map<std::string, std::set<std::string>> ids;  // by text
  for (const std::size_t r : rows)
    ids[text_at(table, r, "token")].insert(text_at(table, r, "token_id"));
  std::map<std::string, std::string> names;
  for (const auto& [text, same] : ids) {
    const bool blank = text.find_first_not_of(' ') == std::string::npos;
    for (const std::string& id : same)
      names[id] = blank ? id : same.size() == 1 ? text : text + " (" + id + ")";
  }
  return names;
}

// Of an expert in a layer: its assignments over the occurrences of all ids.
using ExpertShares = std::map<double, double>;

ExpertShares shares_of_all(const Table& table, const std::vector<std::size_t>& rows) {
  std::map<std::string, double> occurs;
  ExpertShares shares;
  for (const std::size_t r : rows) {
    occurs[text_at(table, r, "token_id")] = number_at(table, r, "occurrences");
    shares[number_at(table, r, "expert")] += number_at(table, r, "assignments");
  }
  double all = 0;
  for (const auto& [id, count] : occurs) all += count;
  for (auto& [expert, share] : shares) share /= all;
  return shares;
}

// The rows of the table of tokens that are drawn: of the ids that occur most.
std::vector<std::size_t> frequent(const Table& table, const std::vector<std::size_t>& rows,
                                  std::vector<std::string>& notes) {
  std::map<std::string, double> occurs;
  for (const std::size_t r : rows)
    occurs[text_at(table, r, "token_id")] = number_at(table, r, "occurrences");
  std::vector<std::pair<std::string, double>> sorted(occurs.begin(), occurs.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::map<std::string, std::size_t> rank;
  for (const auto& [id, count] : sorted) rank.emplace(id, rank.size());
  if (sorted.size() > kMostTokens) {
    const std::string note = fmt::format("the {} tokens that occur most", kMostTokens);
    if (std::find(notes.begin(), notes.end(), note) == notes.end()) notes.push_back(note);
  }
  std::vector<std::size_t> kept;
  for (const std::size_t r : rows)
    if (rank.at(text_at(table, r, "token_id")) < kMostTokens) kept.push_back(r);
  std::stable_sort(kept.begin(), kept.end(), [&](std::size_t a, std::size_t b) {
    return rank.at(text_at(table, a, "token_id")) < rank.at(text_at(table, b, "token_id"));
  });
  return kept;
}

// Names of several slots of an expert, as 3.1, become numbers: there is no room for them on an axis.
void number_slots(Grid& grid) {
  if (grid.columns.all().front().find('.') == std::string::npos) return;
  PlacedNames numbers;
  for (std::size_t i = 0; i < grid.columns.all().size(); ++i) numbers.place(std::to_string(i));
  grid.columns = std::move(numbers);
}

Grid grid_of(const Table& table, const std::string& title, std::vector<std::size_t> rows,
             std::vector<std::string>& notes) {
  const GridAxes axes = grid_axes(table);
  const bool tokens = table.name == "tokens";
  Grid grid{.title = title, .rows = {}, .columns = {}, .cells = {}};
  const ExpertShares of_all = tokens ? shares_of_all(table, rows) : ExpertShares();
  for (const auto& [expert, share] : of_all) grid.columns.place(fmt::format("{:.0f}", expert));
  std::map<std::string, std::string> names;
  if (tokens) names = names_of_ids(table, rows), rows = frequent(table, rows, notes);
  for (const std::size_t r : rows) {
    const double value =
        tokens ? number_at(table, r, "share") / of_all.at(number_at(table, r, "expert"))
               : number_at(table, r, "ratio");
    grid.cells.push_back({grid.rows.place(tokens ? names.at(text_at(table, r, "token_id"))
                                                 : text_or_number(table, r, axes.row)),
                          grid.columns.place(text_or_number(table, r, axes.column)), value});
  }
  if (has_column(table, "slot")) number_slots(grid);
  return grid;
}

HeatMap map_of(const Grid& grid, bool zero, const char* unit) {
  const std::size_t width = grid.columns.all().size();
  if (width * grid.rows.all().size() > kMostCells)
    fail(
        Exit::usage,
        fmt::format("command line: --plot: a map of {} x {} cells; the most are {}. --out FILE.csv "
                    "has the numbers",
                    grid.rows.all().size(), width, kMostCells));
  HeatMap map;
  map.rows = grid.rows.all(), map.columns = grid.columns.all();
  map.neutral = 1;
  map.unit = unit;
  // No token of this id goes to this expert: 0. A shorter sequence: blank.
  map.values.assign(width * map.rows.size(), zero ? 0.0 : kNone);
  for (const GridCell& cell : grid.cells) map.values[cell.row * width + cell.column] = cell.value;
  return map;
}

}  // namespace

Figure trace_grid(const Table& table, std::size_t most_panels) {
  const GridAxes axes = grid_axes(table);
  const bool tokens = table.name == "tokens";
  std::set<std::string> runs;
  for (std::size_t r = 0; r < table.rows.size(); ++r) runs.insert(text_at(table, r, "run"));
  PlacedNames titles;
  std::vector<std::vector<std::size_t>> of;
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    const std::size_t panel =
        titles.place((runs.size() > 1 ? text_at(table, r, "run") + ", " : "") + "layer " +
                     text_at(table, r, "layer"));
    of.resize(titles.all().size());
    of[panel].push_back(r);
  }
  Figure figure;
  for (std::size_t p = 0; p < of.size(); ++p) {
    if (p == most_panels) {
      figure.notes.push_back(fmt::format("{} of {} maps", most_panels, of.size()));
      break;
    }
    Panel panel;
    panel.kind = Panel::Kind::heat_map;
    panel.title = titles.all()[p];
    panel.x.title = axes.x, panel.y.title = axes.y;
    panel.map = map_of(grid_of(table, panel.title, std::move(of[p]), figure.notes), tokens,
                       tokens ? "share / of all tokens" : "weight / even");
    figure.panels.push_back(std::move(panel));
  }
  figure.columns = std::min<std::size_t>(figure.panels.size(), 4);
  return figure;
}

}  // namespace moesim
