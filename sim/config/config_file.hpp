// What a config file says, before anything knows which options exist: plain values, and the axes of
// a sweep.
#pragma once

#include "sim/config/options.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct ConfigFile {
  // A key and the values it takes, one after the other.
  struct Axis {
    std::string key;
    std::vector<std::string> items;
    std::string origin;
    std::string list = {};   // as written
    std::size_t column = 0;  // of the list in its line

    // Of one item.
    Setting setting(const std::string& item) const;
  };
  // Axes of equal length that advance together.
  struct Zip {
    std::string name;
    std::string origin;
    std::vector<Axis> columns;
  };
  // One named arm of an ablation: a set of overrides.
  struct Variant {
    std::string name;
    std::string origin;
    std::map<std::string, Setting> values;
  };
  // Combinations in which all of these keys have these values are left out.
  struct Exclusion {
    std::string origin;
    std::vector<std::pair<std::string, std::string>> terms;
  };

  std::string path;
  std::map<std::string, Setting> values;  // by full key
  std::vector<Axis> sweep;
  std::vector<Zip> zips;
  std::vector<Variant> variants;
  std::vector<Exclusion> exclusions;
};

namespace config {

// Lays `top` (a file, the command line) over `base` (its includes, the file). What top says about a
// key replaces what base says: a plain value removes an axis of the key, an axis takes the place of
// an axis, a zip or a variant that of one of the same name. Only part of a zip or a variant cannot
// be replaced: that is an error, except for a zip column that gets a list of the same length.
void lay_over(ConfigFile& base, const ConfigFile& top);

// The key that says in other words what this one says, or "". What lies on top replaces it too.
std::string synonym_of(const std::string& key);

// Rejects zips that are empty or whose columns differ in length.
void check_zips(const ConfigFile& file);

// Rejects an exclusion of `file` that no run of `all` can meet: it is a typo.
void check_exclusions(const ConfigFile& file, const ConfigFile& all);

// Keys that are set, counted once per place, and named sections.
std::size_t setting_count(const ConfigFile& file);
// Items in all axes.
std::size_t item_count(const ConfigFile& file);

}  // namespace config
}  // namespace moesim
