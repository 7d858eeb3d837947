// What the configs of arms have in common, and in which keys they differ.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/arms.hpp"

#include <map>
#include <string>
#include <vector>

namespace moesim {

struct ConfigComparison {
  struct Common {
    std::string value;
    std::vector<std::string> arms;  // that have the key; empty: all with a config
  };
  // Settings of one value in all arms that have them. Options of a router, say, are those of the
  // arms that use it.
  std::map<std::string, Common> common;
  std::vector<std::string> keys;     // in which two arms that have them differ
  std::vector<std::string> without;  // arms of run files without a config
};

ConfigComparison compare_configs(const std::vector<Arm>& arms);

// A row per key: its value, and the arms that have it.
Table common_settings(const ConfigComparison& configs);

// A row per arm, a column per key that differs. A value is bold where it is not the most frequent
// one of its column (of several, the first); none is where no two arms have one.
Table differing_settings(const ConfigComparison& configs, const std::vector<Arm>& arms);

}  // namespace moesim
