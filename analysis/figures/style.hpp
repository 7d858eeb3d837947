// FigureStyle is the appearance of a figure: its size, its font size, and the colour, dash and
// point of each series.
#pragma once

#include "sim/config/names.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace moesim {

struct FigureStyle {
  enum class Width { column, page };  // in a two-column paper: 8.5 cm, 17.8 cm
  enum class Look { paper, slides };  // 8 pt; 12 pt and thicker lines
  Width width = Width::column;
  Look look = Look::paper;
  // Prefix of ids for SVG inside an HTML page: text and axes then take the page's colour, and there
  // is no background. Empty: a standalone file.
  std::string id_prefix = {};
};

// Measures are the lengths of a style in points (1/72 inch).
struct Measures {
  double width;
  double type;         // font size
  double line;         // line width of curves
  double hair;         // line width of axes
  double point;        // diameter of a point
  double plot_height;  // of a single panel
  double most_height;  // of the figure: 24 cm on a page, or a 16:9 slide
};
Measures measures_of(const FigureStyle& style);
// Returns how many small panels fit in a figure of this style.
std::size_t panels_for(const FigureStyle& style);

inline constexpr Named<FigureStyle::Width> kFigureWidths[] = {
    {"column", FigureStyle::Width::column}, {"page", FigureStyle::Width::page}};
inline constexpr Named<FigureStyle::Look> kFigureLooks[] = {{"paper", FigureStyle::Look::paper},
                                                            {"slides", FigureStyle::Look::slides}};

enum class Mark { circle, square, triangle, diamond, triangle_down };

// Stroke is the drawing style of one series. Series that share a colour differ in dash and point.
struct Stroke {
  std::string colour;        // "#0072B2"
  std::vector<double> dash;  // on, off, … in line widths; empty: solid
  Mark mark;
};
Stroke stroke_of(std::size_t style);
// Returns the number of distinguishable styles.
std::size_t stroke_count();

// Opacity of the band around a curve; several may overlap.
inline constexpr double kBandOpacity = 0.18;

// Returns the colours of a heat map from the lowest value over the neutral one (in the middle) to
// the highest.
const std::vector<std::string>& map_colours();

}  // namespace moesim
