// FigureStyle is how a figure looks: its size, its type size, and the colour, dash and point of
// each series.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace moesim {

struct FigureStyle {
  enum class Width { column, page };  // of a two-column paper: 8.5 cm and 17.8 cm
  enum class Look { paper, slides };  // 8 pt; 12 pt and thicker lines
  Width width = Width::column;
  Look look = Look::paper;
  // For SVG inside a page: ids begin with it, text and axes take the page's colour, and there is no
  // background. Empty: a file of its own.
  std::string id_prefix = {};
};

// Lengths in points (1/72 inch).
struct Measures {
  double width;
  double type;         // size of text
  double line;         // of curves
  double hair;         // of axes
  double point;        // diameter of a point
  double plot_height;  // of the only panel
  double most_height;  // of the figure: 24 cm of a page, or a slide of 16:9
};
Measures measures_of(const FigureStyle& style);
// How many small panels have room in a figure of this style.
std::size_t panels_for(const FigureStyle& style);

// Throw Exit::usage with the nearest name.
FigureStyle::Width width_of(const std::string& name);
FigureStyle::Look look_of(const std::string& name);

enum class Mark { circle, square, triangle, diamond, triangle_down };

// How one series is drawn. Of two series of one colour, dashes and points differ.
struct Stroke {
  std::string colour;        // "#0072B2"
  std::vector<double> dash;  // on, off, … in widths of the line; empty: solid
  Mark mark;
};
Stroke stroke_of(std::size_t style);
// As many styles as can be told apart.
std::size_t stroke_count();

// Of a band around a curve: several may lie over each other.
inline constexpr double kBandOpacity = 0.18;

// Colours of a heat map from its lowest value over the neutral one, in the middle, to its highest.
const std::vector<std::string>& map_colours();

}  // namespace moesim
