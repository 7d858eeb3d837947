// What the configs of arms have in common, and in which keys they differ.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/arms.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace moesim {

struct ConfigComparison {
  std::map<std::string, std::string> common;  // settings that all arms have, with one value
  std::vector<std::string> keys;              // in which two arms that have them differ
  std::vector<std::string> without;           // arms of run files without a config
};

ConfigComparison compare_configs(const std::vector<Arm>& arms);

// Keys and values.
Table common_settings(const ConfigComparison& configs);

// A row per arm, a column per key that differs, and one with the settings of options that nobody
// else has with another value. A value is bold where it is not the baseline's, or, without a
// baseline, not the most frequent one of its column (of several, the first).
Table differing_settings(const ConfigComparison& configs, const std::vector<Arm>& arms,
                         const std::string& baseline);

}  // namespace moesim
