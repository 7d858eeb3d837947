#include "analysis/figures/legend.hpp"

#include "analysis/figures/text_width.hpp"

#include <algorithm>

namespace moesim {
namespace {

struct NamedSeries {
  std::size_t panel, series;
  std::string text;
};

// Returns the series with distinct names.
std::vector<NamedSeries> named_series(const Figure& figure) {
  std::vector<NamedSeries> named;
  for (std::size_t p = 0; p < figure.panels.size(); ++p)
    for (std::size_t s = 0; s < figure.panels[p].series.size(); ++s) {
      const std::string& name = figure.panels[p].series[s].name;
      const bool known = std::any_of(named.begin(), named.end(),
                                     [&](const NamedSeries& other) { return other.text == name; });
      if (!name.empty() && !known) named.push_back({p, s, name});
    }
  return named;
}

// Returns the width of the longest name. A few very long names are shortened instead of forcing all
// names into one column.
double longest_name(const std::vector<NamedSeries>& named, double type) {
  constexpr std::size_t kFew = 6;
  std::vector<double> widths;
  for (const NamedSeries& entry : named) widths.push_back(text_width(entry.text, type));
  std::sort(widths.begin(), widths.end());
  if (widths.size() <= kFew) return 42 * type;
  return std::max(10 * type, std::min(42 * type, widths[widths.size() * 7 / 10]));
}

}  // namespace

double place_legend(Layout& layout, const Figure& figure) {
  const Measures& m = layout.measures;
  std::vector<NamedSeries> named = named_series(figure);
  if (named.empty()) return 0;
  const double sample = 2.6 * m.type, gap = 0.5 * m.type, margin = 0.5 * m.type;
  const double room = layout.width - 2 * margin;
  const double longest = std::min(room - sample - gap, longest_name(named, m.type));
  double width = 0;
  for (NamedSeries& entry : named) {
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
    const std::size_t column = i / rows;
    const double x = std::max(margin, left) + each * static_cast<double>(column);
    const double y = height - line * (static_cast<double>(i % rows) + 0.5);
    layout.legend.push_back({named[i].panel,
                             named[i].series,
                             {x, y - 0.35 * m.type, sample, 0.7 * m.type},
                             {named[i].text, x + sample + gap, y, Text::Anchor::left, false}});
  }
  return height + 0.4 * m.type;
}

}  // namespace moesim
