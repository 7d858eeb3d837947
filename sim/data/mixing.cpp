#include "sim/data/mixing.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {

// The largest term is 1, so that no power overflows at a small T.
std::vector<double> mixing_shares(const std::vector<index>& sizes, index cap, double temperature) {
  const auto capped = [cap](index n) { return static_cast<double>(std::min(n, cap)); };
  const double most = capped(*std::max_element(sizes.begin(), sizes.end()));
  std::vector<double> shares;
  double sum = 0;
  for (const index n : sizes)
    sum += shares.emplace_back(n == 0 ? 0 : std::pow(capped(n) / most, 1 / temperature));
  for (double& share : shares) share /= sum;
  return shares;
}

}  // namespace moesim
