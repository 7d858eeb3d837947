// FigureData holds the numbers of a figure as CSV: one row per point (panel, series, x, y, …) or
// per cell of a heat map. Text columns come last, so that a name with a separator cannot shift a
// number.
#pragma once

#include "analysis/figures/figure.hpp"

#include <string>
#include <vector>

namespace moesim {

// SeriesRows is the range of CSV rows that holds one series, counted from 0 with the header.
struct SeriesRows {
  std::size_t first = 0, last = 0;
  bool empty() const { return last < first; }
  std::size_t size() const { return last + 1 - first; }
};

struct FigureData {
  std::string csv;
  std::vector<std::vector<SeriesRows>> rows;  // [panel][series]; a map is one series
};

FigureData data_of(const Figure& figure);

// MarkedPoints selects the points of a curve that are drawn with a symbol: every n-th, with an
// offset that differs from series to series.
struct MarkedPoints {
  std::size_t every, first;
};
MarkedPoints marked_points(const SeriesRows& rows, std::size_t series);

}  // namespace moesim
