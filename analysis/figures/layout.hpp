// Layout is where everything of a figure lies, in points from its lower left corner. Both writers
// use it, so that gnuplot and matplotlib make the same picture.
#pragma once

#include "analysis/figures/figure.hpp"
#include "analysis/figures/style.hpp"
#include "analysis/figures/ticks.hpp"

#include <string>
#include <vector>

namespace moesim {

struct Box {
  double left = 0, bottom = 0, width = 0, height = 0;
  double right() const { return left + width; }
  double top() const { return bottom + height; }
  double centre() const { return left + width / 2; }
  double middle() const { return bottom + height / 2; }
};

struct Text {
  enum class Anchor { left, centre, right };
  std::string text;
  double x = 0, y = 0;  // of the anchor, at half of its height
  Anchor anchor = Anchor::left;
  bool upright = false;  // turned by 90 degrees, counter-clockwise
};

struct LegendEntry {
  std::size_t panel = 0, series = 0;
  Box sample;
  Text text;
};

struct PlacedPanel {
  Box box;
  Ticks x, y;
  bool x_labels = true, y_labels = true;  // false where the next panel has them
  bool x_slanted = false;                 // labels of categories that would overlap
};

struct Layout {
  Measures measures{};
  double width = 0, height = 0;
  std::vector<PlacedPanel> panels;  // as the figure has them
  std::vector<Text> texts;          // titles of panels and axes
  std::vector<LegendEntry> legend;
  // Of heat maps, which share one scale: the highest value; the lowest is 0.
  Box colour_bar;
  Ticks colours;
};

Layout layout_of(const Figure& figure, const FigureStyle& style);

// True if curves have points too: many are told apart so, where there is room.
bool has_marks(const Figure& figure, const Layout& layout);
// Of the band of a series as it shows: bands lie over those before them.
double band_opacity(const Panel& panel, std::size_t series);

}  // namespace moesim
