// Opened is a run file that HDF5 has opened: it reads attributes, and variables by name.
#pragma once

#include "sim/record/foreign.hpp"
#include "sim/record/run_file.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesim::hdf5 {

class Opened {
 public:
  explicit Opened(const std::string& path);

  // Reads the attributes of these names, or all if there are no names. Skips attributes of types
  // that moesim does not write (users' annotations), and optionally those that repeat settings
  // (is_setting_name).
  enum class Settings { all, none };
  void read_attributes(RunFile& run, const std::vector<std::string>& names, Budget& budget,
                       Settings settings) const;

  // The library that wrote the file, such as "netcdf 4.9.0", from the attribute _NCProperties of
  // netCDF-4; "" without it. moesim does not write this attribute.
  std::string writer() const;

  // Names of the objects that may be variables, in the order of the file.
  std::vector<std::string> names() const;

  struct Dataset {
    std::string name;
    Handle handle;
  };
  // Nothing if the object is not a dataset, is a bare dimension, or has a type that moesim does not
  // write.
  std::optional<Dataset> open(const std::string& name) const;
  // Reads everything but the values.
  Variable describe(const Dataset& dataset, Budget& budget, Extent extent) const;

 private:
  std::vector<std::string> dims_of(const Dataset& dataset, std::size_t rank) const;

  Handle file_, root_;
  std::vector<Link> links_;
  std::map<haddr_t, std::string> name_at_;
};

// Reads `rows` rows of a variable from `first` on as doubles. Throws if a double cannot represent a
// value exactly.
std::vector<double> read_values(const Opened::Dataset& dataset, const Variable& variable,
                                std::int64_t first, std::int64_t rows);

// Calls take(first, rows) for consecutive slices of the variable: whole chunks of the file and
// multiples of `least` rows, as far as memory allows.
void each_slice(const Opened::Dataset& dataset, const Variable& variable, std::int64_t least,
                const std::function<void(std::int64_t first, std::int64_t rows)>& take);

}  // namespace moesim::hdf5
