// StoredRun is a run read from its folder: its config; data_of reads the data set of a checkpoint.
#pragma once

#include "sim/checkpoint/checkpoint.hpp"
#include "sim/config/sweep.hpp"
#include "sim/data/dataset.hpp"

#include <memory>
#include <string>

namespace moesim {

// What to do about a run that moesim transform made and whose weights are lost: they are in its first
// checkpoint alone.
inline constexpr const char* kMakeAgain = "make the run again with moesim transform";

struct StoredRun {
  std::string config_sha256;  // of its config.ini
  RunSpec spec;
};

// Reads the run. Throws Exit::data if the folder holds no run.
StoredRun read_stored_run(const std::string& folder);

// The data set stored in the checkpoint (sim/data/stored.hpp); null for older versions, which store
// none.
std::shared_ptr<const Dataset> data_of(const Checkpoint& checkpoint);

}  // namespace moesim
