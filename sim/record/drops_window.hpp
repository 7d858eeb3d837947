// The records that say what training drops before an evaluation.
#pragma once

#include <cstddef>
#include <vector>

namespace moesim {

inline constexpr std::size_t kMostDropRecords = 4096;  // the last ones that are looked at

struct Window {
  std::size_t first = 0, end = 0;  // places in a list
};

// Of records at these ascending steps those of the last tenth of the steps before `step`; of fewer
// than ten the last ten of the last half.
Window drops_window(const std::vector<double>& steps, double step);

}  // namespace moesim
