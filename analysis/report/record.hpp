// Record is what a run file says of where a run comes from, and of what its router is certified to
// do.
#pragma once

#include "analysis/runs/read.hpp"

#include <string>

namespace moesim {

// Text that a file does not have is empty; numbers are NaN.
struct Record {
  std::string run_id, experiment;
  std::string version, git, build, device, created;
  std::string config, config_sha256, data_sha256;
  std::string plan_kind, sees;
  double threads = 0;
  double causal = 0;  // 1: the task predicts from the past alone
  double leak = 0;    // largest change of an output when only later tokens change
};

Record record_of(const Run& run);

}  // namespace moesim
