#include "analysis/figures/ranges.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moesim {
namespace {

class Extent {
 public:
  void add(const std::vector<double>& values, bool positive) {
    for (const double value : values)
      if (std::isfinite(value) && (!positive || value > 0)) {
        low_ = std::min(low_, value);
        high_ = std::max(high_, value);
      }
  }
  bool empty() const { return low_ > high_; }
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  double low_ = std::numeric_limits<double>::infinity();
  double high_ = -std::numeric_limits<double>::infinity();
};

// Extends a range by `share` of its length at both ends.
Range padded(const Extent& extent, const FigureAxis& axis, double share) {
  if (!axis.categories.empty()) return {-0.6, static_cast<double>(axis.categories.size()) - 0.4};
  if (extent.empty()) return axis.logarithmic ? Range{1, 10} : Range{0, 1};
  double low = extent.low(), high = extent.high();
  // Values that differ only by rounding count as one; otherwise the axis would have no ticks.
  constexpr double kRounding = 1e-9;
  if (high - low <= kRounding * std::max(std::abs(low), std::abs(high))) high = low;
  if (axis.logarithmic) {
    const double room = high > low ? std::pow(high / low, share) : 1.5;
    return {low / room, high * room};
  }
  if (axis.from_zero && low >= 0) low = 0;
  const double room = high > low ? share * (high - low) : std::max(1e-12, 0.1 * std::abs(high));
  if (std::isfinite(axis.high) && axis.high > low && axis.high < high)
    return {low - room * (axis.high - low) / (high - low), axis.high};
  return {axis.from_zero && low == 0 ? 0 : low - room, high > low || low != 0 ? high + room : 1};
}

}  // namespace

bool share_x(const Figure& figure) {
  return std::all_of(figure.panels.begin(), figure.panels.end(), [&](const Panel& panel) {
    const FigureAxis &axis = panel.x, &first = figure.panels[0].x;
    return axis.title == first.title && axis.logarithmic == first.logarithmic &&
           axis.categories == first.categories && panel.map.columns == figure.panels[0].map.columns;
  });
}

bool share_y(const Figure& figure) {
  return std::all_of(figure.panels.begin(), figure.panels.end(), [&](const Panel& panel) {
    const FigureAxis &axis = panel.y, &first = figure.panels[0].y;
    return axis.title == first.title && axis.logarithmic == first.logarithmic &&
           axis.categories == first.categories && panel.map.rows == figure.panels[0].map.rows;
  });
}

std::vector<Range> x_ranges(const Figure& figure) {
  std::vector<Extent> extents(figure.panels.size());
  const bool shared = share_x(figure);
  for (std::size_t p = 0; p < figure.panels.size(); ++p) {
    const Panel& panel = figure.panels[p];
    for (const Series& series : panel.series) {
      if (series.guide && panel.kind == Panel::Kind::curves) continue;
      for (const auto* values : {&series.x, &series.x_low, &series.x_high})
        extents[shared ? 0 : p].add(*values, panel.x.logarithmic);
    }
  }
  std::vector<Range> ranges;
  for (std::size_t p = 0; p < figure.panels.size(); ++p) {
    const Panel& panel = figure.panels[p];
    ranges.push_back(
        padded(extents[shared ? 0 : p], panel.x, panel.kind == Panel::Kind::curves ? 0 : 0.06));
  }
  return ranges;
}

std::vector<Range> y_ranges(const Figure& figure) {
  std::vector<Extent> extents(figure.panels.size());
  const bool shared = share_y(figure);
  for (std::size_t p = 0; p < figure.panels.size(); ++p)
    for (const Series& series : figure.panels[p].series)
      for (const auto* values : {&series.y, &series.low, &series.high})
        if ((!series.band_only || values != &series.y) &&
            (!figure.panels[p].y.from_zero || series.band_only || values != &series.low))
          extents[shared ? 0 : p].add(*values, figure.panels[p].y.logarithmic);
  std::vector<Range> ranges;
  for (std::size_t p = 0; p < figure.panels.size(); ++p)
    ranges.push_back(padded(extents[shared ? 0 : p], figure.panels[p].y, 0.05));
  return ranges;
}

}  // namespace moesim
