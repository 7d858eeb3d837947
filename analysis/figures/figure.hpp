// Figure is what a figure shows, as data: panels with curves, points, bars or a map. Writers turn
// it into a script for gnuplot or matplotlib, and a CSV file of its numbers.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace moesim {

// One curve, or a set of points. NaN is a gap.
struct Series {
  std::string name;  // in the legend
  std::vector<double> x, y;
  std::vector<double> low, high;  // of y: a band or error bars; empty where there are none
  std::size_t style = 0;          // colour, dash and point: the same for one arm in all panels
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
};

struct Panel {
  enum class Kind { curves, points, bars, heat_map };
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
