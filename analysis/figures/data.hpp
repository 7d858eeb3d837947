// The numbers of a figure as CSV: one row per point (panel, series, x, y and so on) or cell of a
// map. Text stands in the last columns, so that no name moves a number.
#pragma once

#include "analysis/figures/figure.hpp"

#include <string>
#include <vector>

namespace moesim {

// Which rows of the file hold a series, counted from 0 with the header.
struct Rows {
  std::size_t first = 0, last = 0;
  bool empty() const { return last < first; }
  std::size_t size() const { return last + 1 - first; }
};

struct FigureData {
  std::string csv;
  std::vector<std::vector<Rows>> rows;  // of each panel, by series; of a map: one
};

FigureData data_of(const Figure& figure);

// The points of a curve that have a mark: a few, at other places in the next series.
struct MarkedPoints {
  std::size_t every, first;
};
MarkedPoints marked_points(const Rows& rows, std::size_t series);

}  // namespace moesim
