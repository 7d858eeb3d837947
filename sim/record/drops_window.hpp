// Selects the training records over which the drop rate before an evaluation is averaged.
#pragma once

#include <cstddef>
#include <vector>

namespace moesim {

inline constexpr std::size_t kMostDropRecords = 4096;  // only the last ones are used

struct Window {
  std::size_t first = 0, end = 0;  // indices: first .. end - 1
};

// Of records at these ascending steps, the ones in the last tenth of the steps before `step`; if
// these are fewer than ten, the last ten in the last half of the steps.
Window drops_window(const std::vector<double>& steps, double step);

}  // namespace moesim
