// A run as its folder holds it: the config, and in its checkpoints what they need of the data.
#pragma once

#include "sim/checkpoint/checkpoint.hpp"
#include "sim/config/sweep.hpp"
#include "sim/data/dataset.hpp"

#include <memory>
#include <string>

namespace moesim {

struct StoredRun {
  std::string config_sha256;  // of its config.ini
  RunSpec spec;
};

// Throws Exit::data if the folder holds no run.
StoredRun read_stored_run(const std::string& folder);

// What the checkpoint holds of its data; null for those of older versions, which hold nothing.
std::shared_ptr<const Dataset> data_of(const Checkpoint& checkpoint);

}  // namespace moesim
