#include "analysis/figures/data.hpp"

#include "analysis/render/escape.hpp"
#include "sim/config/text.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

std::string number(double value) { return std::isfinite(value) ? config::shortest(value) : "NaN"; }

// Returns "" if the series has no such values.
std::string number(const std::vector<double>& values, std::size_t i) {
  return i < values.size() ? number(values[i]) : "";
}

void add_series(const Panel& panel, std::size_t p, std::size_t& row, FigureData& data) {
  const std::string title = csv_cell(panel.title);
  for (std::size_t s = 0; s < panel.series.size(); ++s) {
    const Series& series = panel.series[s];
    const std::string name = csv_cell(series.name);
    data.rows.back().push_back({row, row + series.x.size() - 1});
    row += series.x.size();
    for (std::size_t i = 0; i < series.x.size(); ++i)
      data.csv += std::to_string(p + 1) + ',' + std::to_string(s + 1) + ',' + number(series.x[i]) +
                  ',' + number(series.y, i) + ',' + number(series.low, i) + ',' +
                  number(series.high, i) + ',' + number(series.x_low, i) + ',' +
                  number(series.x_high, i) + ',' + title + ',' + name + '\n';
  }
}

void add_map(const Panel& panel, std::size_t p, std::size_t& row, FigureData& data) {
  const HeatMap& map = panel.map;
  const std::string title = csv_cell(panel.title);
  data.rows.back().push_back({row, row + map.values.size() - 1});
  row += map.values.size();
  for (std::size_t i = 0; i < map.values.size(); ++i) {
    const std::size_t r = i / map.columns.size(), c = i % map.columns.size();
    data.csv += std::to_string(p + 1) + ',' + std::to_string(r) + ',' + std::to_string(c) + ',' +
                number(map.values[i]) + ',' + title + ',' + csv_cell(map.rows[r]) + ',' +
                csv_cell(map.columns[c]) + '\n';
  }
}

}  // namespace

FigureData data_of(const Figure& figure) {
  FigureData data;
  const bool map = !figure.panels.empty() && figure.panels[0].kind == Panel::Kind::heat_map;
  data.csv = map ? "panel,row,column,value,panel_title,row_label,column_label\n"
                 : "panel,series,x,y,low,high,x_low,x_high,panel_title,name\n";
  std::size_t row = 1;
  for (std::size_t p = 0; p < figure.panels.size(); ++p) {
    data.rows.emplace_back();
    if (map)
      add_map(figure.panels[p], p, row, data);
    else
      add_series(figure.panels[p], p, row, data);
  }
  return data;
}

MarkedPoints marked_points(const SeriesRows& rows, std::size_t series) {
  constexpr std::size_t kMarks = 6;
  const std::size_t every = std::max<std::size_t>(rows.size() / kMarks, 1);
  return {every, rows.first + series * 3 % every};
}

}  // namespace moesim
