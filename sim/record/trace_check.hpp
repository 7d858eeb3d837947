// check_trace() compares a trace with the record of the same step (analysis/FORMAT.md,
// Conservation).
#pragma once

#include <cstdint>
#include <vector>

namespace moesim {

// One layer of a trace, and what the record of its step says.
struct TracedLayer {
  std::int64_t step = 0, layer = 0;
  std::vector<double> begin;         // [E + 1] places of rows; trace_begin
  std::vector<double> served;        // of these rows; trace_served
  std::vector<double> demand, load;  // [E]
  double dropped = 0;
};

// Throws Exit::internal, with the step, the layer and both sides, unless they agree exactly.
void check_trace(const TracedLayer& traced);

// Throws Exit::internal unless places of rows [layers · (E + 1)] ascend within 0 .. rows.
void check_bounds(const std::vector<double>& begin, std::int64_t rows, std::int64_t step);

}  // namespace moesim
