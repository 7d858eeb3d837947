#include "analysis/figures/layout.hpp"

#include "analysis/figures/ranges.hpp"
#include "analysis/figures/text_width.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

using Kind = Panel::Kind;

// The grid of panels.
struct Grid {
  std::size_t columns = 1, rows = 1;
  double width = 0, height = 0;  // of a panel's box
  double left = 0, top = 0;      // margins of the first panel
  double across = 0, down = 0;   // from one panel to the next
};

bool is_map(const Figure& figure) {
  return !figure.panels.empty() && figure.panels[0].kind == Kind::heat_map;
}

// As many as the figure wants, if they are wide enough; then a divisor of that.
std::size_t columns_of(const Figure& figure, const Measures& measures) {
  const double least = measures.type * (is_map(figure) ? 9 : 12);
  std::size_t columns =
      std::clamp<std::size_t>(figure.columns, 1, std::max<std::size_t>(figure.panels.size(), 1));
  const auto fits = [&](std::size_t count) {
    return static_cast<double>(count) * least <= measures.width && columns % count == 0;
  };
  std::size_t count = columns;
  while (count > 1 && !fits(count)) --count;
  return count;
}

double widest(const std::vector<std::string>& labels, double type) {
  double width = 0;
  for (const std::string& label : labels) width = std::max(width, text_width(label, type));
  return width;
}

// Labels of rows or columns of a map: as many as there is room for.
Ticks map_ticks(const std::vector<std::string>& names, double length, double least) {
  Ticks ticks{.low = -0.5,
              .high = static_cast<double>(names.size()) - 0.5,
              .at = {},
              .labels = {},
              .factor = {}};
  std::size_t every = 1;
  for (const std::size_t step : {1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 64, 100, 128, 256, 512, 1024}) {
    every = step;
    if (length / static_cast<double>(names.size()) * static_cast<double>(step) >= least) break;
  }
  for (std::size_t i = 0; i < names.size(); i += every) {
    ticks.at.push_back(static_cast<double>(i));
    ticks.labels.push_back(names[i]);
  }
  return ticks;
}

Ticks ticks_of(const Axis& axis, const Range& range, double length, double each) {
  const int count = std::max(2, static_cast<int>(length / each));
  if (!axis.categories.empty()) {
    Ticks ticks{.low = range.low, .high = range.high, .at = {}, .labels = {}, .factor = {}};
    for (std::size_t i = 0; i < axis.categories.size(); ++i) {
      ticks.at.push_back(static_cast<double>(i));
      ticks.labels.push_back(axis.categories[i]);
    }
    return ticks;
  }
  if (!axis.ticks.empty()) return ticks_at(range.low, range.high, axis.logarithmic, axis.ticks);
  return axis.logarithmic ? logarithmic_ticks(range.low, range.high, count)
                          : linear_ticks(range.low, range.high, count);
}

std::string with_factor(const std::string& title, const Ticks& ticks) {
  return ticks.factor.empty() ? title : title + " (" + ticks.factor + ")";
}

// --- Legend ---

struct Named {
  std::size_t panel, series;
  std::string text;
};

// Each name once.
std::vector<Named> named_series(const Figure& figure) {
  std::vector<Named> named;
  for (std::size_t p = 0; p < figure.panels.size(); ++p)
    for (std::size_t s = 0; s < figure.panels[p].series.size(); ++s) {
      const std::string& name = figure.panels[p].series[s].name;
      const bool known = std::any_of(named.begin(), named.end(),
                                     [&](const Named& other) { return other.text == name; });
      if (!name.empty() && !known) named.push_back({p, s, name});
    }
  return named;
}

// A few very long names are shortened rather than that all of many stand in one column.
double longest_name(const std::vector<Named>& named, double type) {
  constexpr std::size_t kFew = 6;
  std::vector<double> widths;
  for (const Named& entry : named) widths.push_back(text_width(entry.text, type));
  std::sort(widths.begin(), widths.end());
  if (widths.size() <= kFew) return 42 * type;
  return std::max(14 * type, std::min(42 * type, widths[widths.size() * 4 / 5]));
}

// The entries from the lower end of the figure up, in columns; returns their height.
double place_legend(Layout& layout, const Figure& figure) {
  const Measures& m = layout.measures;
  std::vector<Named> named = named_series(figure);
  if (named.empty()) return 0;
  const double sample = 2.6 * m.type, gap = 0.5 * m.type, margin = 0.5 * m.type;
  const double room = layout.width - 2 * margin;
  const double longest = std::min(room - sample - gap, longest_name(named, m.type));
  double width = 0;
  for (Named& entry : named) {
    entry.text = shortened(entry.text, m.type, longest);
    width = std::max(width, sample + gap + text_width(entry.text, m.type) + 1.2 * m.type);
  }
  std::size_t columns = std::clamp<std::size_t>(
      static_cast<std::size_t>((room + 1.2 * m.type) / width), 1, named.size());
  const std::size_t rows = (named.size() + columns - 1) / columns;
  columns = (named.size() + rows - 1) / rows;
  const double each = std::min(room / static_cast<double>(columns), width * 1.25),
               line = 1.3 * m.type;
  const double left = (layout.width - each * static_cast<double>(columns) + 1.2 * m.type) / 2;
  const double height = line * static_cast<double>(rows) + margin;
  for (std::size_t i = 0; i < named.size(); ++i) {
    const double x = std::max(margin, left) + each * static_cast<double>(i / rows);
    const double y = height - line * (static_cast<double>(i % rows) + 0.5);
    layout.legend.push_back({named[i].panel,
                             named[i].series,
                             {x, y - 0.35 * m.type, sample, 0.7 * m.type},
                             {named[i].text, x + sample + gap, y, Text::Anchor::left, false}});
  }
  return height + 0.4 * m.type;
}

// --- Panels ---

double map_height(const Figure& figure, const Measures& m, std::size_t rows) {
  std::size_t layers = 1;
  for (const Panel& panel : figure.panels) layers = std::max(layers, panel.map.rows.size());
  const double cell = std::clamp(60.0 / static_cast<double>(layers), rows > 3 ? 4.0 : 6.0, 14.0);
  return static_cast<double>(layers) * cell * m.type / 8;
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

  Grid grid;
  grid.columns = columns_of(figure, m);
  grid.rows = (count + grid.columns - 1) / grid.columns;
  const double columns = static_cast<double>(grid.columns), rows = static_cast<double>(grid.rows);
  const double tick = 0.35 * m.type, y_title = 1.5 * m.type, x_title = 1.3 * m.type;

  // Labels of y are needed to know the widths; their number follows from the height, which does not
  // follow from the labels.
  const double bar = map ? 5.5 * m.type : 0;
  const double rough = (m.width - bar - 5 * m.type) / columns;
  grid.height = map ? map_height(figure, m, grid.rows)
                : grid.columns == 1 && grid.rows == 1
                    ? m.plot_height
                    : std::clamp(rough * 0.72, 6.5 * m.type, m.plot_height);
  std::vector<Ticks> y_ticks;
  double y_labels = 0;
  for (std::size_t p = 0; p < count; ++p) {
    const Panel& panel = figure.panels[p];
    y_ticks.push_back(map ? map_ticks(panel.map.rows, grid.height, 1.1 * m.type)
                          : ticks_of(panel.y, ys[p], grid.height, 2.6 * m.type));
    y_labels = std::max(y_labels, widest(y_ticks.back().labels, m.type));
  }
  y_labels += tick + 0.4 * m.type;
  grid.left = y_title + y_labels;
  const double right = 1.2 * m.type + bar;
  const double between = y_shared ? 1.2 * m.type : grid.left + 0.6 * m.type;
  grid.width = (m.width - grid.left - right - between * (columns - 1)) / columns;
  grid.across = grid.width + between;

  std::vector<Ticks> x_ticks;
  double slanted = 0;
  for (std::size_t p = 0; p < count; ++p) {
    const Panel& panel = figure.panels[p];
    x_ticks.push_back(map ? map_ticks(panel.map.columns, grid.width,
                                      widest(panel.map.columns, m.type) + 0.8 * m.type)
                          : ticks_of(panel.x, xs[p], grid.width, 5 * m.type));
    const double needed = widest(x_ticks.back().labels, m.type);
    if (!panel.x.categories.empty() &&
        (needed + 0.5 * m.type) * static_cast<double>(panel.x.categories.size()) > grid.width) {
      for (std::string& text : x_ticks.back().labels) text = shortened(text, m.type, 12 * m.type);
      slanted = std::max(slanted, 0.71 * widest(x_ticks.back().labels, m.type) + 0.3 * m.type);
    }
  }
  const bool titled = std::any_of(figure.panels.begin(), figure.panels.end(),
                                  [](const Panel& panel) { return !panel.title.empty(); });
  const double title = titled ? 1.5 * m.type : 0.6 * m.type;
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
    if (!panel.title.empty())
      layout.texts.push_back(
          {shortened(panel.title, m.type, box.width + (y_shared ? 0 : grid.left)), box.left,
           box.top() + 0.75 * m.type, Text::Anchor::left, false});
    if (placed.x_labels)
      layout.texts.push_back({with_factor(panel.x.title, placed.x), box.centre(),
                              box.bottom - x_labels - 0.6 * x_title, Text::Anchor::centre, false});
    if (placed.y_labels && (!y_shared || (row == (grid.rows - 1) / 2)))
      layout.texts.push_back(
          {with_factor(panel.y.title, placed.y), box.left - y_labels - 0.55 * y_title,
           y_shared && grid.rows % 2 == 0 ? box.bottom - (grid.down - grid.height) / 2
                                          : box.middle(),
           Text::Anchor::centre, true});
    layout.panels.push_back(std::move(placed));
  }
  if (map) {
    double high = 2;
    for (const Panel& panel : figure.panels)
      for (const double value : panel.map.values)
        if (std::isfinite(value)) high = std::max(high, value);
    const double top = layout.panels.front().box.top();
    const double bottom = layout.panels.back().box.bottom;
    const double length = std::min(top - bottom, 12 * m.type);
    layout.colour_bar = {m.width - 1.2 * m.type - 3.6 * m.type, (top + bottom - length) / 2,
                         0.9 * m.type, length};
    layout.colours = linear_ticks(0, high, 2);
    layout.texts.push_back({figure.panels[0].map.unit, layout.colour_bar.right() + 2.9 * m.type,
                            layout.colour_bar.middle(), Text::Anchor::centre, true});
  }
  return layout;
}

}  // namespace moesim
