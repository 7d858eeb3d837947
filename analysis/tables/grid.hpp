// Grid arranges arms by two axes. An axis is a setting that differs between arms, together with the
// settings that change with it.
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
  using Values = std::vector<std::string>;  // one per setting

  std::vector<std::string> settings;
  std::string name = {};            // shortest distinct names
  std::vector<Values> values = {};  // sorted: numbers first, then words

  // Formats values: "0.75" if all settings have the same, else "0.75 / 2".
  static std::string text(const Values& values);
  std::string settings_text() const;  // "router.hash.k", "router.hash.k, router.hash.seed"
};

struct Grid {
  GridAxis rows, columns;
  std::map<std::pair<GridAxis::Values, GridAxis::Values>, const Arm*> arms;  // one arm per pair

  const Arm* arm(std::size_t row, std::size_t column) const;  // null if the cell is empty
};

// Returns the grid if the arms have exactly two axes, every arm has a value on both, no two arms
// share a cell, and more than half of the cells are filled.
std::optional<Grid> grid_of(const std::vector<const Arm*>& arms);

// Returns the settings that differ between these arms, sorted. A setting that only some arms have,
// with the same value in all of them, is left out if another difference explains it, as router.name
// explains a router's options; these settings distinguish all arms that differ.
std::vector<std::string> telling_settings(const std::vector<const Arm*>& arms);

// Returns true if, over these arms, the value of either setting, or its absence, determines the
// other's.
bool change_together(const std::vector<const Arm*>& arms, const std::string& a,
                     const std::string& b);

// Returns the arm's value of a setting, or null.
const std::string* value_in(const Arm& arm, const std::string& setting);

// Returns true if value `a` of the setting sorts before `b`: numbers by size, then words; a value
// that means "no limit" comes last.
bool value_before(const std::string& setting, const std::string& a, const std::string& b);

}  // namespace moesim
