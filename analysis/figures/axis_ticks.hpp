// Chooses the ticks of an axis of a panel, as many as have room.
#pragma once

#include "analysis/figures/figure.hpp"
#include "analysis/figures/ranges.hpp"
#include "analysis/figures/ticks.hpp"

#include <string>
#include <vector>

namespace moesim {

// Returns the width of the widest label.
double widest(const std::vector<std::string>& labels, double type);

// Returns the categories of the axis, its own ticks, or about `count` round numbers.
Ticks ticks_of(const FigureAxis& axis, const Range& range, int count);
// Returns as many x ticks as fit without overlap.
Ticks x_ticks_of(const FigureAxis& axis, const Range& range, double length, double type);

// Overhang is the length by which the outer labels of an axis extend beyond it.
struct Overhang {
  double left = 0, right = 0;
};
Overhang overhang_of(const Figure& figure, const std::vector<Range>& ranges, double length,
                     double type);

}  // namespace moesim
