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

// Throws Exit::internal unless places of rows [layers · (E + 1)] ascend within first .. rows, where
// `first` is the end of the trace before.
void check_bounds(const std::vector<double>& begin, double first, std::int64_t rows,
                  std::int64_t step);

// ChoiceCheck finds tokens that are out of range, or have one of their choices twice, among the rows
// of a layer.
class ChoiceCheck {
 public:
  explicit ChoiceCheck(std::int64_t tokens) : seen_(static_cast<std::size_t>(tokens), 0) {}
  // What is wrong with a row; "": nothing. Choices from 63 on are not told apart.
  const char* problem(double token, double choice);

 private:
  std::vector<std::uint64_t> seen_;  // bits of choices
};

// Throws Exit::internal unless domains are numbers of the `names` domains, or there are no names.
void check_domains(const std::vector<double>& domains, std::size_t names, std::int64_t step);

}  // namespace moesim
