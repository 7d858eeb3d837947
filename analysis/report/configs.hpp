// ConfigComparison splits the settings of arms into those they share and those in which they
// differ.
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
    std::vector<std::string> arms;  // arms that have the key; empty: all with a config
  };
  // Settings with one value in all arms that have them, e.g. the options of a router in the arms
  // that use it.
  std::map<std::string, Common> common;
  std::vector<std::string> keys;     // keys in which two arms differ
  std::vector<std::string> without;  // arms whose run files have no config
};

ConfigComparison compare_configs(const std::vector<Arm>& arms);

// Returns one row per shared key: its value, and the arms that have it.
Table common_settings(const ConfigComparison& configs);

// Returns one row per arm and one column per differing key. Values other than the most frequent of
// their column (the first of equally frequent ones) are bold, unless all are different.
Table differing_settings(const ConfigComparison& configs, const std::vector<Arm>& arms);

}  // namespace moesim
