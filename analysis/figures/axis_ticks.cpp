#include "analysis/figures/axis_ticks.hpp"

#include "analysis/figures/text_width.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {

double widest(const std::vector<std::string>& labels, double type) {
  double width = 0;
  for (const std::string& label : labels) width = std::max(width, text_width(label, type));
  return width;
}

Ticks ticks_of(const FigureAxis& axis, const Range& range, int count) {
  if (!axis.categories.empty()) {
    Ticks ticks{.low = range.low, .high = range.high, .at = {}, .labels = {}, .factor = {}};
    for (std::size_t i = 0; i < axis.categories.size(); ++i) {
      ticks.at.push_back(static_cast<double>(i));
      ticks.labels.push_back(axis.categories[i]);
    }
    return ticks;
  }
  if (!axis.ticks.empty()) return ticks_at(range.low, range.high, axis.logarithmic, axis.ticks);
  return axis.logarithmic ? logarithmic_ticks(range.low, range.high, count)
                          : linear_ticks(range.low, range.high, count);
}

Ticks x_ticks_of(const FigureAxis& axis, const Range& range, double length, double type) {
  constexpr int kMost = 8, kLeast = 2;
  for (int count = kMost; count > kLeast; --count) {
    Ticks ticks = ticks_of(axis, range, count);
    const double needed = widest(ticks.labels, type) + type;
    if (needed * static_cast<double>(ticks.at.size()) <= length) return ticks;
  }
  return ticks_of(axis, range, kLeast);
}

Overhang overhang_of(const Figure& figure, const std::vector<Range>& ranges, double length,
                     double type) {
  Overhang overhang;
  for (std::size_t p = 0; p < figure.panels.size(); ++p) {
    const FigureAxis& axis = figure.panels[p].x;
    if (!axis.categories.empty()) continue;
    const Ticks ticks = x_ticks_of(axis, ranges[p], length, type);
    if (ticks.at.empty()) continue;
    const auto place = [&](double at) {
      return ticks.logarithmic
                 ? length * std::log(at / ticks.low) / std::log(ticks.high / ticks.low)
                 : length * (at - ticks.low) / (ticks.high - ticks.low);
    };
    const auto half = [&](const std::string& label) { return text_width(label, type) / 2; };
    overhang.left = std::max(overhang.left, half(ticks.labels.front()) - place(ticks.at.front()));
    overhang.right =
        std::max(overhang.right, half(ticks.labels.back()) - (length - place(ticks.at.back())));
  }
  return overhang;
}

}  // namespace moesim
