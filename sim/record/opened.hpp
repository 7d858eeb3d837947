// A run file that HDF5 has opened: its attributes, and its variables by name.
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

  // All attributes, or those of these names that are there; attributes of other kinds than ours are
  // somebody's annotation, and left out. Of all, those that repeat settings (is_setting_name) may
  // be left out too.
  enum class Settings { all, none };
  void read_attributes(RunFile& run, const std::vector<std::string>& names, Budget& budget,
                       Settings settings) const;

  // The library that wrote the file, as "netcdf 4.9.0", if it says so (_NCProperties, of netCDF-4
  // and what writes as it does); moesim itself writes no such attribute. "" if none does.
  std::string writer() const;

  // Names of what may be a variable, in the order of the file.
  std::vector<std::string> names() const;

  struct Dataset {
    std::string name;
    Handle handle;
  };
  // None if it is no dataset, only the length of a dimension, or of a type that is not ours.
  std::optional<Dataset> open(const std::string& name) const;
  // Everything about it but its values.
  Variable describe(const Dataset& dataset, Budget& budget, Extent extent) const;

 private:
  std::vector<std::string> dims_of(const Dataset& dataset, std::size_t rank) const;

  Handle file_, root_;
  std::vector<Link> links_;
  std::map<haddr_t, std::string> name_at_;
};

// Values of a variable from row `first` on, as doubles. Throws if one is no exact double.
std::vector<double> read_values(const Opened::Dataset& dataset, const Variable& variable,
                                std::int64_t first, std::int64_t rows);

// Calls `take` with the first row and the number of rows of one slice after the other: whole chunks
// of the file and whole multiples of `least`, as far as memory allows.
void each_slice(const Opened::Dataset& dataset, const Variable& variable, std::int64_t least,
                const std::function<void(std::int64_t first, std::int64_t rows)>& take);

}  // namespace moesim::hdf5
