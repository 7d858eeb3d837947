// DataCache shares data sets between the runs of a sweep, so that each is read once.
#pragma once

#include "experiments/sweep/data_memory.hpp"

#include <map>
#include <memory>
#include <string>

namespace moesim {

class DataCache {
 public:
  // For training: reads every data set.
  DataCache() = default;
  // For plans: does not read data sets that `memory` knows; these have no batches.
  static DataCache for_plans(DataMemory memory);

  // The data set of these settings. Declares the options of [data], also for a cached data set.
  std::shared_ptr<const Dataset> get(Settings& settings);

  // Everything that determines a data set except the contents of its files.
  static std::string key_of(const Settings& settings);

 private:
  struct Entry {
    std::shared_ptr<const Dataset> data;
    std::vector<ReadOption> options;
  };
  Entry read(Settings& settings, const std::string& key) const;

  std::map<std::string, Entry> entries_;
  DataMemory memory_;  // used by plans
};

}  // namespace moesim
