// Terminal is how gnuplot measures lengths in a format of pictures; its numbers of points.
#pragma once

#include "analysis/figures/gnuplot.hpp"
#include "analysis/figures/layout.hpp"

#include <string>

namespace moesim {

// Terminal holds the length units of one gnuplot terminal.
struct Terminal {
  double line;   // unit of line widths, in points
  double point;  // width of pointsize 1, in points
  double dash;   // length of dash 1, in line widths
  double rise;   // upward shift of x labels, in lines
  std::string setting;
};

Terminal terminal_of(Picture picture, const Layout& layout, const FigureStyle& style);

// Returns gnuplot's number of a point, which all three terminals share.
int point_type(Mark mark, bool hollow);

}  // namespace moesim
