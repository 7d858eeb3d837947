// Figure is what a figure shows, as data: panels with curves, points or a map. Writers turn
// it into a script for gnuplot or matplotlib, and a CSV file of its numbers.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace moesim {

// One curve, or a set of points. NaN is a gap.
struct Series {
  std::string name;  // in the legend; empty: not there
  std::vector<double> x, y;
  std::vector<double> low, high;  // of y: a band or error bars; empty where there are none
  std::size_t style = 0;          // colour, dash and point: the same for one arm in all panels
  std::vector<double> x_low = {}, x_high = {};  // error bars of x, of points
  bool band_only = false;                       // y is not drawn
  bool joined = false;                          // points: a line joins them
  bool guide = false;                           // a thin grey line without points
  bool hollow = false;                          // points: an outline
};

// A matrix of colours: a row a layer, say, and a column an expert.
struct HeatMap {
  std::vector<std::string> rows, columns;
  std::vector<double> values;  // rows × columns, in order of rows; NaN is blank
  double neutral = 0;          // the value of the neutral colour
  std::string unit;            // beside the scale
};

struct Axis {
  std::string title;
  bool logarithmic = false;
  std::vector<std::string> categories;  // x = 0, 1, …: labels in place of numbers
  std::vector<double> ticks = {};       // where numbers stand; empty: round ones
  bool from_zero = false;               // the axis begins at 0
  // Where the axis ends although values lie above; NaN: where they end.
  double high = std::numeric_limits<double>::quiet_NaN();
};

struct Panel {
  enum class Kind { curves, points, heat_map };
  std::string title;
  Kind kind = Kind::curves;
  Axis x, y;
  std::vector<Series> series;
  HeatMap map;
};

struct Figure {
  std::string name;  // "loss"
  std::vector<Panel> panels;
  std::size_t columns = 1;         // panels beside each other
  std::vector<std::string> notes;  // what the figure does not show, for stderr and the report
};

}  // namespace moesim
