// Figure is the content of a figure as data: panels with curves, points or a heat map. Writers turn
// it into a script for gnuplot or matplotlib and a CSV file of its numbers.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace moesim {

// Series is one curve or one set of points. NaN is a gap.
struct Series {
  std::string name;  // in the legend; empty: no entry
  std::vector<double> x, y;
  std::vector<double> low, high;  // of y: band or error bars; empty: none
  std::size_t style = 0;          // colour, dash and point; one per arm, in all panels
  std::vector<double> x_low = {}, x_high = {};  // error bars of x; points only
  bool band_only = false;                       // y is not drawn
  bool joined = false;                          // points: a line joins them
  bool guide = false;                           // a thin grey line without points
  bool hollow = false;                          // points: an outline
};

// HeatMap is a matrix of values drawn as colours, for example layers × experts.
struct HeatMap {
  std::vector<std::string> rows, columns;
  std::vector<double> values;  // [rows, columns], row-major; NaN is blank
  double neutral = 0;          // the value of the neutral colour
  std::string unit;            // label of the colour scale
};

struct FigureAxis {
  std::string title;
  bool logarithmic = false;
  std::vector<std::string> categories;  // x = 0, 1, …: labels in place of numbers
  std::vector<double> ticks = {};       // positions of the labels; empty: round numbers
  bool from_zero = false;               // the axis begins at 0
  // Upper end of the axis, which cuts off larger values; NaN: the largest value.
  double high = std::numeric_limits<double>::quiet_NaN();
};

struct Panel {
  enum class Kind { curves, points, heat_map };
  std::string title;
  Kind kind = Kind::curves;
  FigureAxis x, y;
  std::vector<Series> series;
  HeatMap map;
};

struct Figure {
  std::string name;  // "loss"
  std::vector<Panel> panels;
  std::size_t columns = 1;         // panels per row
  std::vector<std::string> notes;  // caveats for stderr and the report
};

}  // namespace moesim
