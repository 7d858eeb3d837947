#include "experiments/terminal/progress_line.hpp"

#include <fmt/format.h>

namespace moesim {

std::string duration(double seconds) {
  const auto s = static_cast<long>(seconds);
  if (s < 10) return fmt::format("{:.1f}s", seconds);
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
}

}  // namespace moesim
