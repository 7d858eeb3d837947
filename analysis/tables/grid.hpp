// Grid is arms by the values of two axes. An axis is a setting that the arms do not have alike,
// with those that change together with it.
#pragma once

#include "analysis/runs/arms.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct GridAxis {
  using Values = std::vector<std::string>;  // of each setting

  std::vector<std::string> settings;
  std::string name = {};            // their names, as short as they are told apart by
  std::vector<Values> values = {};  // in order: numbers by their size, before words

  // "0.75" of settings that have all one value, else "0.75 / 2".
  static std::string text(const Values& values);
  std::string settings_text() const;  // "router.hash.k", "router.hash.k, router.hash.seed"
};

struct Grid {
  GridAxis rows, columns;
  std::map<std::pair<GridAxis::Values, GridAxis::Values>, const Arm*> arms;  // each pair once

  const Arm* arm(std::size_t row, std::size_t column) const;  // null where there is none
};

// None unless the arms have two axes, every arm has a value on both, no two have the same, and they
// fill more than half of the grid.
std::optional<Grid> grid_of(const std::vector<const Arm*>& arms);

// The settings that tell these arms apart. One that only some arms have tells nothing if it is the
// same for those: it comes with another, as the options of a router do with the router.
std::vector<std::string> telling_settings(const std::vector<const Arm*>& arms);

// The value of a setting, or null.
const std::string* value_in(const Arm& arm, const std::string& setting);

// True if the value `a` of the setting comes before `b`: numbers by their size, before words; a
// value that means "no limit" is the last.
bool value_before(const std::string& setting, const std::string& a, const std::string& b);

}  // namespace moesim
