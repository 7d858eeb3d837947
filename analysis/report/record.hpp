// Record holds the provenance of one run, and its router's certificate, from the run file.
#pragma once

#include "analysis/runs/read.hpp"

#include <limits>
#include <string>

namespace moesim {

// Missing text is empty; missing numbers are NaN.
struct Record {
  std::string run_id, experiment;
  std::string version, git, build, device, created;
  std::string config, config_sha256, data_sha256;
  std::string plan_kind, sees;
  double threads = 0;
  double causal = 0;  // 1: the task predicts from the past only
  double leak = 0;    // largest change of an output when only later tokens change
  // First and last position of such an output; NaN if there is none, or not recorded.
  double leak_first = std::numeric_limits<double>::quiet_NaN(), leak_last = leak_first;
};

Record record_of(const Run& run);

}  // namespace moesim
