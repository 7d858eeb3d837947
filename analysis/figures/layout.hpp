// Layout is the position of every element of a figure, in points from the lower left corner. Both
// writers use it, so that gnuplot and matplotlib draw the same picture.
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
  double x = 0, y = 0;  // position of the anchor, at half of the text's height
  Anchor anchor = Anchor::left;
  bool upright = false;  // rotated by 90° counter-clockwise
};

struct LegendEntry {
  std::size_t panel = 0, series = 0;
  Box sample;
  Text text;
};

struct PlacedPanel {
  Box box;
  Ticks x, y;
  bool x_labels = true, y_labels = true;  // false where a neighbouring panel has them
  bool x_slanted = false;                 // category labels that would overlap
};

struct Layout {
  Measures measures{};
  double width = 0, height = 0;
  std::vector<PlacedPanel> panels;  // in the order of the figure
  std::vector<Text> texts;          // titles of panels and axes
  std::vector<LegendEntry> legend;
  // Colour scale shared by all heat maps: 0 to the highest value.
  Box colour_bar;
  Ticks colours;
};

Layout layout_of(const Figure& figure, const FigureStyle& style);

// Returns true if curves also get symbols, which tell many curves apart where there is room.
bool has_marks(const Figure& figure, const Layout& layout);
// Returns the opacity at which the band of a series is visible: later bands cover earlier ones.
double band_opacity(const Panel& panel, std::size_t series);

}  // namespace moesim
