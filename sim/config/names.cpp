#include "sim/config/names.hpp"

#include <algorithm>

namespace moesim {

std::vector<std::string> with_first(std::vector<std::string> names, const std::string& first) {
  const auto found = std::find(names.begin(), names.end(), first);
  std::rotate(names.begin(), found, found + 1);
  return names;
}

}  // namespace moesim
