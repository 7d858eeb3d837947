// Notes say what the numbers of the table of routers do not.
#pragma once

#include "analysis/runs/arms.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct RouterNotes {
  enum class About { leak, diverged, single, unpaired, target };

  std::vector<std::string> lines;  // one sentence each
  // Where among the lines those are that cells of a table refer to.
  std::map<About, std::size_t> places;
};

// `baseline` may be null, or an arm that is not among `arms`.
RouterNotes router_notes(const std::vector<Arm>& arms, const Arm* baseline,
                         std::optional<double> target);

}  // namespace moesim
