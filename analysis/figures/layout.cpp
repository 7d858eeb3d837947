#include "analysis/figures/layout.hpp"

#include "analysis/figures/axis_ticks.hpp"
#include "analysis/figures/legend.hpp"
#include "analysis/figures/map_scale.hpp"
#include "analysis/figures/ranges.hpp"
#include "analysis/figures/text_width.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace moesim {
namespace {

using Kind = Panel::Kind;

constexpr double kBarWidth = 0.9;  // of the colour scale, in font sizes

// PanelGrid is the arrangement of panels.
struct PanelGrid {
  std::size_t columns = 1, rows = 1;
  double width = 0, height = 0;  // size of a panel's box
  double left = 0, top = 0;      // margins of the first panel
  double across = 0, down = 0;   // from one panel to the next
};

bool is_map(const Figure& figure) {
  return !figure.panels.empty() && figure.panels[0].kind == Kind::heat_map;
}

// Returns the number of columns: as many as the figure requests if each panel is at least `least`
// font sizes wide; otherwise fewer. For curves it is a divisor of the requested number, so that the
// layers of an arm stay in one row.
std::size_t columns_of(const Figure& figure, const Measures& measures, double sizes) {
  const double least = sizes * measures.type;
  std::size_t columns =
      std::clamp<std::size_t>(figure.columns, 1, std::max<std::size_t>(figure.panels.size(), 1));
  const auto fits = [&](std::size_t count) {
    return static_cast<double>(count) * least <=
               measures.width - (is_map(figure) ? 5.5 * measures.type : 0) &&
           (columns % count == 0 || is_map(figure));
  };
  std::size_t count = columns;
  while (count > 1 && !fits(count)) --count;
  return count;
}

// Returns the number of columns of panels. Panels with their own titles and labels need more room;
// curves with shared axes are made narrower until the figure is not too high.
std::size_t best_columns(const Figure& figure, const Measures& m, double legend) {
  if (is_map(figure)) return columns_of(figure, m, 8.0);
  if (!share_x(figure) || !share_y(figure)) return columns_of(figure, m, 18.0);
  std::size_t columns = 1;
  for (const double sizes : {12.0, 9.0, 7.0}) {
    columns = columns_of(figure, m, sizes);
    const std::size_t rows = (figure.panels.size() + columns - 1) / columns;
    if (legend + 4 * m.type + static_cast<double>(rows) * 6.5 * m.type <= m.most_height) break;
  }
  return columns;
}

std::string with_factor(const std::string& title, const Ticks& ticks) {
  return ticks.factor.empty() ? title : title + " (" + ticks.factor + ")";
}

double map_height(const Figure& figure, const Measures& m, std::size_t rows) {
  std::size_t layers = 1;
  for (const Panel& panel : figure.panels) layers = std::max(layers, panel.map.rows.size());
  // The colour scale of a single row of maps needs a minimum height.
  const double least = rows == 1 ? 7.5 * m.type : 0;
  const double cell = std::clamp(60.0 / static_cast<double>(layers), rows > 3 ? 4.0 : 6.0, 14.0);
  return std::max(least, static_cast<double>(layers) * cell * m.type / 8);
}

using TitleLines = std::vector<std::string>;

// Breaks the titles of panels into at most three lines; uses fewer lines if they distinguish as
// many panels.
std::vector<TitleLines> titles_of(const Figure& figure, double type, double room,
                                  std::size_t most) {
  std::vector<TitleLines> best;
  std::size_t told = 0;
  for (std::size_t lines = 1; lines <= most; ++lines) {
    std::vector<TitleLines> titles;
    bool whole = true;
    for (const Panel& panel : figure.panels) {
      titles.push_back(wrapped(panel.title, type, room, lines));
      whole = whole && joined(titles.back(), " ") == panel.title;
    }
    const std::size_t different = std::set<TitleLines>(titles.begin(), titles.end()).size();
    if (different > told || whole) best = std::move(titles);
    told = std::max(told, different);
    if (whole) break;
  }
  return best;
}

std::size_t most_lines(const std::vector<TitleLines>& titles) {
  std::size_t most = 1;
  for (const TitleLines& lines : titles) most = std::max(most, lines.size());
  return most;
}

}  // namespace

Layout layout_of(const Figure& figure, const FigureStyle& style) {
  Layout layout;
  layout.measures = measures_of(style);
  const Measures& m = layout.measures;
  layout.width = m.width;
  const double legend = place_legend(layout, figure);
  const bool map = is_map(figure), x_shared = share_x(figure), y_shared = share_y(figure);
  const std::vector<Range> xs = x_ranges(figure), ys = y_ranges(figure);
  const std::size_t count = figure.panels.size();

  PanelGrid grid;
  grid.columns = best_columns(figure, m, legend);
  grid.rows = (count + grid.columns - 1) / grid.columns;
  const double columns = static_cast<double>(grid.columns), rows = static_cast<double>(grid.rows);
  const double tick = 0.35 * m.type, y_title = 1.5 * m.type, x_title = 1.3 * m.type;

  // The widths depend on the y labels. Their number depends on the height, which does not depend on
  // the labels.
  if (map) layout.colours = shade_ticks(shade_range(figure), figure.panels[0].map.neutral, 5);
  const double bar_labels = widest(layout.colours.labels, m.type) + 0.8 * m.type;
  const double bar = map ? kBarWidth * m.type + bar_labels + 2.4 * m.type : 0;
  const double rough = (m.width - bar - 5 * m.type) / columns;
  const bool titled = std::any_of(figure.panels.begin(), figure.panels.end(),
                                  [](const Panel& panel) { return !panel.title.empty(); });
  constexpr std::size_t kMostLines = 3;
  const std::size_t lines =
      most_lines(titles_of(figure, m.type, 0.95 * rough - (map ? 0 : 0.5 * m.type), kMostLines));
  const double line = 1.2 * m.type;
  const double title = titled ? 0.3 * m.type + line * static_cast<double>(lines) : 0.6 * m.type;
  const double wanted = grid.columns == 1 && grid.rows == 1
                            ? m.plot_height
                            : std::clamp(rough * 0.72, 6.5 * m.type, m.plot_height);
  // Height that remains for the panels.
  const double other = legend + tick + 2.6 * m.type + 0.4 * m.type + rows * title +
                       (rows - 1) * (x_shared ? 0.9 : 3.6) * m.type;
  grid.height = map ? map_height(figure, m, grid.rows)
                    : std::max(std::min(wanted, (m.most_height - other) / rows), 3 * m.type);
  std::vector<Ticks> y_ticks;
  double y_labels = 0;
  for (std::size_t p = 0; p < count; ++p) {
    const Panel& panel = figure.panels[p];
    y_ticks.push_back(map ? map_ticks(panel.map.rows, grid.height, 1.1 * m.type)
                          : ticks_of(panel.y, ys[p],
                                     std::max(2, static_cast<int>(grid.height / (2.6 * m.type)))));
    y_labels = std::max(y_labels, widest(y_ticks.back().labels, m.type));
  }
  y_labels += tick + 0.7 * m.type;
  grid.left = y_title + y_labels;
  const Overhang overhang =
      map ? Overhang{} : overhang_of(figure, xs, rough - 1.2 * m.type, m.type);
  const double right = std::max(1.2 * m.type, overhang.right + 0.3 * m.type) + bar;
  const double between = y_shared
                             ? std::max(1.2 * m.type, overhang.left + overhang.right + 0.4 * m.type)
                             : grid.left + 0.6 * m.type;
  grid.width = (m.width - grid.left - right - between * (columns - 1)) / columns;
  grid.across = grid.width + between;

  std::vector<Ticks> x_ticks;
  double slanted = 0;
  for (std::size_t p = 0; p < count; ++p) {
    const Panel& panel = figure.panels[p];
    x_ticks.push_back(map ? map_ticks(panel.map.columns, grid.width,
                                      widest(panel.map.columns, m.type) + 0.8 * m.type)
                          : x_ticks_of(panel.x, xs[p], grid.width, m.type));
    const double needed = widest(x_ticks.back().labels, m.type);
    if (!panel.x.categories.empty() &&
        (needed + 0.5 * m.type) * static_cast<double>(panel.x.categories.size()) > grid.width) {
      for (std::string& text : x_ticks.back().labels) text = shortened(text, m.type, 12 * m.type);
      slanted = std::max(slanted, 0.71 * widest(x_ticks.back().labels, m.type) + 0.3 * m.type);
    }
  }
  const std::vector<TitleLines> titles = titles_of(
      figure, m.type,
      grid.width + (y_shared ? std::max(0.8 * m.type, between - 0.5 * m.type) : grid.left), lines);
  const double x_labels = tick + (slanted > 0 ? slanted : 1.3 * m.type);
  const double below = x_shared ? 0.9 * m.type : x_labels + x_title + 0.6 * m.type;
  grid.down = grid.height + title + below;
  const double foot = legend + x_labels + x_title + 0.2 * m.type;
  layout.height =
      std::ceil(foot + grid.height * rows + title * rows + below * (rows - 1) + 0.2 * m.type);

  for (std::size_t p = 0; p < count; ++p) {
    const Panel& panel = figure.panels[p];
    const std::size_t row = p / grid.columns, column = p % grid.columns;
    const bool lowest = p + grid.columns >= count, leftmost = column == 0;
    PlacedPanel placed;
    placed.box = {
        grid.left + grid.across * static_cast<double>(column),
        layout.height - 0.2 * m.type - title - grid.height - grid.down * static_cast<double>(row),
        grid.width, grid.height};
    placed.x = x_ticks[p];
    placed.y = y_ticks[p];
    placed.x_labels = !x_shared || lowest;
    placed.y_labels = !y_shared || leftmost;
    placed.x_slanted = slanted > 0 && !panel.x.categories.empty();
    const Box& box = placed.box;
    for (std::size_t l = 0; l < titles[p].size() && !panel.title.empty(); ++l)
      layout.texts.push_back(
          {titles[p][l], box.left,
           box.top() + 0.75 * m.type + line * static_cast<double>(titles[p].size() - 1 - l),
           Text::Anchor::left, false});
    if (!x_shared)
      layout.texts.push_back({with_factor(panel.x.title, placed.x), box.centre(),
                              box.bottom - x_labels - 0.6 * x_title, Text::Anchor::centre, false});
    if (!y_shared)
      layout.texts.push_back({with_factor(panel.y.title, placed.y),
                              box.left - y_labels - 0.55 * y_title, box.middle(),
                              Text::Anchor::centre, true});
    layout.panels.push_back(std::move(placed));
  }
  if (count == 0) return layout;
  const Box &first = layout.panels.front().box, &last = layout.panels.back().box;
  const double right_end = layout.panels[grid.columns - 1].box.right();
  if (x_shared)
    layout.texts.push_back({with_factor(figure.panels[0].x.title, layout.panels[0].x),
                            (first.left + right_end) / 2, last.bottom - x_labels - 0.6 * x_title,
                            Text::Anchor::centre, false});
  if (y_shared)
    layout.texts.push_back({with_factor(figure.panels[0].y.title, layout.panels[0].y),
                            first.left - y_labels - 0.55 * y_title, (first.top() + last.bottom) / 2,
                            Text::Anchor::centre, true});
  if (map) {
    const double top = first.top(), bottom = last.bottom;
    const double length = std::min(top - bottom, 12 * m.type);
    layout.colour_bar = {m.width - bar, (top + bottom - length) / 2, kBarWidth * m.type, length};
    layout.texts.push_back({figure.panels[0].map.unit, m.width - 0.9 * m.type,
                            layout.colour_bar.middle(), Text::Anchor::centre, true});
    layout.colours = shade_ticks(shade_range(figure), figure.panels[0].map.neutral,
                                 static_cast<std::size_t>(std::max(2.0, length / (1.3 * m.type))));
  }
  for (Text& text : layout.texts)
    if (text.upright) {  // within the figure, even if it is longer than its panel
      text.text = shortened(text.text, m.type, layout.height - 0.5 * m.type);
      const double half = text_width(text.text, m.type) / 2 + 0.2 * m.type;
      text.y = std::max(half, std::min(text.y, layout.height - half));
    }
  return layout;
}

bool has_marks(const Figure& figure, const Layout& layout) {
  return layout.legend.size() > 4 && figure.panels.size() <= 4;
}

double band_opacity(const Panel& panel, std::size_t series) {
  double through = 1;
  for (std::size_t s = 0; s <= series; ++s)
    if (panel.series[s].band_only) through *= 1 - kBandOpacity;
  return 1 - through;
}

}  // namespace moesim
