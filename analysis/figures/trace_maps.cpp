// Builds maps of co-activation, transitions between layers, and the experts of labels. Every cell is
// a share over what it is by chance; 1 has the neutral colour.
#include "analysis/figures/table_columns.hpp"
#include "analysis/figures/trace_figures.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace moesim {
namespace {

constexpr std::size_t kMostMapped = 64;

// A map of one run and layer.
struct Cells {
  std::string run;
  std::map<std::pair<std::string, std::string>, double> ratio;
};

struct Axes {
  const char *row, *column, *weight;  // keys
  std::string y, x;                   // titles
  bool texts, square;
};

std::string title_of(const Table& table, const std::string& key) {
  for (const Column& column : table.columns)
    if (column.key == key) return column.title;
  return key;
}

Axes axes_of(const Table& table) {
  if (table.name == "specialisation")
    return {"label", "expert", "tokens", title_of(table, "label"), "expert", true, false};
  const bool next = table.name == "transitions";
  return {"expert",
          "other",
          next ? "tokens" : "assignments",
          "expert i",
          next ? "next expert j" : "expert j",
          false,
          !next};
}

std::string name_at(const Table& table, std::size_t row, const char* key, bool text) {
  return text ? text_at(table, row, key) : fmt::format("{:.0f}", number_at(table, row, key));
}

bool by_number(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

// Numbers 0 to the largest, so that the axes of all layers agree.
std::vector<std::string> all_numbers(const std::set<std::string>& known) {
  std::vector<std::string> sorted(known.begin(), known.end());
  std::sort(sorted.begin(), sorted.end(), by_number);
  std::vector<std::string> names;
  for (int i = 0; i <= std::stoi(sorted.back()); ++i) names.push_back(std::to_string(i));
  return names;
}

// The rows or columns that are shown.
std::vector<std::string> heaviest(std::vector<std::string> names,
                                  const std::map<std::string, double>& weight) {
  if (names.size() <= kMostMapped) return names;
  const auto of = [&](const std::string& name) {
    const auto found = weight.find(name);
    return found == weight.end() ? 0 : found->second;
  };
  std::vector<std::string> sorted = names;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const auto& a, const auto& b) { return of(a) > of(b); });
  const std::set<std::string> kept(sorted.begin(),
                                   sorted.begin() + static_cast<std::ptrdiff_t>(kMostMapped));
  std::erase_if(names, [&](const std::string& name) { return !kept.contains(name); });
  return names;
}

}  // namespace

Figure trace_map(const Table& table, std::size_t most_panels) {
  const Axes axes = axes_of(table);
  std::vector<std::pair<std::string, Cells>> maps;
  std::set<std::string> runs, experts;
  for (std::size_t r = 0; r < table.rows.size(); ++r) runs.insert(text_at(table, r, "run"));
  std::vector<std::string> labels;
  std::set<std::pair<std::string, std::string>> known;  // run and row
  std::map<std::string, double> of_experts;
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    std::string title = runs.size() > 1 ? text_at(table, r, "run") + ", " : "";
    title += "layer " + text_at(table, r, "layer");
    if (const std::string next = text_at(table, r, "next"); !next.empty()) title += " to " + next;
    const std::string run = text_at(table, r, "run");
    if (maps.empty() || maps.back().first != title)
      maps.emplace_back(title, Cells{.run = run, .ratio = {}});
    Cells& cells = maps.back().second;
    const std::string row = name_at(table, r, axes.row, axes.texts);
    const std::string column = name_at(table, r, axes.column, false);
    cells.ratio[{row, column}] = number_at(table, r, "ratio");
    known.emplace(run, row);
    if (axes.texts && std::find(labels.begin(), labels.end(), row) == labels.end())
      labels.push_back(row);
    if (!axes.texts) experts.insert(row), of_experts[row] += number_at(table, r, axes.weight);
    experts.insert(column);
    if (axes.texts) of_experts[column] += number_at(table, r, "assignments");
  }
  const std::vector<std::string> all = all_numbers(experts);
  const std::vector<std::string> columns = heaviest(all, of_experts);
  const std::vector<std::string> rows = axes.texts ? labels : columns;
  if (rows.size() > 2 * kMostMapped)
    fail(Exit::usage, fmt::format("command line: --plot: a map of {} labels; choose --by domain or "
                                  "position",
                                  rows.size()));
  Figure figure;
  if (columns.size() < all.size())
    figure.notes.push_back(
        fmt::format("the {} of {} experts with most tokens", columns.size(), all.size()));
  for (const auto& [title, cells] : maps) {
    if (figure.panels.size() == most_panels) {
      figure.notes.push_back(fmt::format("{} of {} maps", most_panels, maps.size()));
      break;
    }
    Panel panel;
    panel.kind = Panel::Kind::heat_map;
    panel.title = title;
    panel.x.title = axes.x, panel.y.title = axes.y;
    panel.map.rows = rows, panel.map.columns = columns;
    panel.map.neutral = 1;
    panel.map.unit = "share / by chance";
    panel.map.values.reserve(rows.size() * columns.size());
    for (const std::string& row : rows)
      for (const std::string& column : columns) {
        const auto found = cells.ratio.find({row, column});
        // A pair that a run does not have is 0. Of a label that a run does not have, nothing is known.
        const bool blank =
            (axes.square && row == column) || (axes.texts && !known.contains({cells.run, row}));
        panel.map.values.push_back(blank ? kNone : found == cells.ratio.end() ? 0 : found->second);
      }
    figure.panels.push_back(std::move(panel));
  }
  figure.columns = std::min<std::size_t>(figure.panels.size(), 4);
  return figure;
}

}  // namespace moesim
