// declare_trace() declares the variables of traces (analysis/FORMAT.md, Traces).
#pragma once

#include "sim/record/run_file.hpp"

#include <cstdint>

namespace moesim {

// Sizes of the arrays of traces, known before the first one.
struct TraceSizes {
  std::int64_t layers = 0, experts = 0;  // of the layer with most experts
  std::int64_t tokens = 0;               // of a step; 0: not known before the first trace
  bool ids = false, domains = false, losses = false;
};

void declare_trace(RunFile& file, const TraceSizes& sizes);

}  // namespace moesim
