#include "sim/record/drops_window.hpp"

#include <algorithm>

namespace moesim {

Window drops_window(const std::vector<double>& steps, double step) {
  constexpr double kFrom = 0.9, kFromAtLeast = 0.5;  // as shares of the steps
  constexpr std::size_t kFewest = 10;
  const auto place = [&](double at) {  // index of the first record at that step or later
    return static_cast<std::size_t>(std::lower_bound(steps.begin(), steps.end(), at) -
                                    steps.begin());
  };
  const std::size_t end = place(step);
  std::size_t first = std::max(place(kFromAtLeast * step), end - std::min(end, kFewest));
  first = std::min(first, place(kFrom * step));
  if (first == end && end > 0) --first;
  return {first, end};
}

}  // namespace moesim
