#include "analysis/figures/map_scale.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {

Ticks map_ticks(const std::vector<std::string>& names, double length, double least) {
  Ticks ticks{.low = -0.5,
              .high = static_cast<double>(names.size()) - 0.5,
              .at = {},
              .labels = {},
              .factor = {}};
  std::size_t every = 1;
  for (const std::size_t step : {1, 2, 4, 5, 8, 10, 16, 20, 32, 50, 64, 100, 128, 256, 512, 1024}) {
    every = step;
    if (length / static_cast<double>(names.size()) * static_cast<double>(step) >= least) break;
  }
  // For names counted from 1, label the multiples: 16, 32, 48.
  const std::size_t from = !names.empty() && names[0] == "1" && every > 1 ? every - 1 : 0;
  for (std::size_t i = from; i < names.size(); i += every) {
    ticks.at.push_back(static_cast<double>(i));
    ticks.labels.push_back(names[i]);
  }
  return ticks;
}

Range shade_range(const Figure& figure) {
  const double neutral = figure.panels[0].map.neutral;
  double below = 0, above = 0;
  for (const Panel& panel : figure.panels)
    for (const double value : panel.map.values)
      if (std::isfinite(value)) {
        below = std::max(below, neutral - value);
        above = std::max(above, value - neutral);
      }
  const auto rounded = [](double reach) {
    for (const double step : {0.1, 0.2, 0.5, 1.0})
      if (reach <= step) return step;
    return std::ceil(2 * reach) / 2;
  };
  // Both sides use the same scale, unless values reach further above than a mirrored 0.
  const double both = rounded(std::max(below, std::min(above, 1.0)));
  return {neutral - both, neutral + std::max(both, rounded(above))};
}

Ticks shade_ticks(const Range& range, double neutral, std::size_t most) {
  std::vector<double> at;
  for (const double step : {0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0}) {
    const int below = static_cast<int>(std::floor((neutral - range.low + 1e-9) / step));
    const int above = static_cast<int>(std::floor((range.high - neutral + 1e-9) / step));
    at.clear();
    for (int i = -below; i <= above; ++i) at.push_back(neutral + i * step);
    if (at.size() <= std::clamp<std::size_t>(most, 2, 5)) break;
  }
  Ticks ticks = linear_ticks(range.low, range.high, 2);
  ticks.at = at;
  ticks.labels = number_labels(at);
  return ticks;
}

}  // namespace moesim
