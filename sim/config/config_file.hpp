// ConfigFile is a parsed config file: plain values and the axes of a sweep, not yet checked against
// the options that exist.
#pragma once

#include "sim/config/options.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct ConfigFile {
  // A key of the sweep and the values that it takes in turn.
  struct Axis {
    std::string key;
    std::vector<std::string> items;
    std::string origin;
    std::string list = {};   // as written
    std::size_t column = 0;  // of the list in its line

    // The setting that one item makes.
    Setting setting(const std::string& item) const;
  };
  // Axes of equal length that advance together: one axis of the sweep.
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

// Merges `top` (a file, the command line) into `base` (its includes, the file); `top` wins. A plain
// value removes an axis of its key, an axis replaces an axis, and a zip or a variant replaces the
// one of the same name. Replacing only part of a zip or of a variant is an error, except for a zip
// column that gets a list of the same length.
void lay_over(ConfigFile& base, const ConfigFile& top);

// The other key that sets the same thing as this one, or "". A value merged on top replaces both.
std::string synonym_of(const std::string& key);

// Rejects zips that are empty or whose columns differ in length.
void check_zips(const ConfigFile& file);

// Rejects an exclusion of `file` that matches no run of `all`, because it is most likely a typo.
void check_exclusions(const ConfigFile& file, const ConfigFile& all);

// The number of keys set, counted once per place, plus that of named sections.
std::size_t setting_count(const ConfigFile& file);
// The number of items in all axes.
std::size_t item_count(const ConfigFile& file);

}  // namespace config
}  // namespace moesim
