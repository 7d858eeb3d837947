// Data sets that several runs of a sweep share: read once.
#pragma once

#include "experiments/sweep/data_memory.hpp"

#include <map>
#include <memory>
#include <string>

namespace moesim {

class DataCache {
 public:
  // For training: data sets are read.
  DataCache() = default;
  // For plans: a data set that the memory knows is not read, and has no batches.
  static DataCache for_plans(DataMemory memory);

  // The data set of these settings; reads the options of [data], as if for the first time.
  std::shared_ptr<const Dataset> get(Settings& settings);

  // All that determines a data set, but for what its files hold.
  static std::string key_of(const Settings& settings);

 private:
  struct Entry {
    std::shared_ptr<const Dataset> data;
    std::vector<ReadOption> options;
  };
  Entry read(Settings& settings, const std::string& key) const;

  std::map<std::string, Entry> entries_;
  DataMemory memory_;  // of plans
};

}  // namespace moesim
