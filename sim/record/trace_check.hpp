// Checks traces, for `moesim verify` and the readers of traces. check_trace() compares a trace
// with the record of the same step (analysis/FORMAT.md, Conservation).
#pragma once

#include "sim/record/run_file.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

// TracedSizes is what a file says about the size of its traces (analysis/FORMAT.md, Traces).
struct TracedSizes {
  std::int64_t tokens = 0, length = 0, pass_tokens = 0;  // attributes trace_*; at least 1
};

// The variables [trace, token].
inline constexpr const char* kTokenArrays[] = {"trace_token_id", "trace_domain", "trace_loss"};

// Returns the attribute `name`, a whole number in 1 .. 2^31. Throws Exit::internal otherwise.
std::int64_t traced_size(const RunFile& run, const std::string& name);
// Returns the sizes. Throws Exit::internal unless they agree with each other and with the lengths of
// the file's kTokenArrays, which are names and numbers of tokens.
TracedSizes traced_sizes(const RunFile& run,
                         const std::vector<std::pair<std::string, std::int64_t>>& arrays);
// Throws Exit::internal unless `tokens`, which no array of tokens confirms, and k_max are possible for
// `rows` assignments.
void check_unlisted_tokens(std::int64_t tokens, std::int64_t rows);
void check_k_max(std::int64_t k_max, std::int64_t rows);

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

// Throws Exit::internal unless places of rows [layers · (E + 1)] ascend from `first`, the end of the trace
// before.
void check_ascent(const std::vector<double>& begin, double first, std::int64_t step);
// Throws Exit::internal unless `end`, the last of these places, is at most the number of rows.
void check_end(double end, std::int64_t rows, std::int64_t step);

// ChoiceCheck finds tokens and choices that are out of range, and tokens that have one of their choices
// twice, among the rows of a layer.
class ChoiceCheck {
 public:
  ChoiceCheck(std::int64_t tokens, std::int64_t k_max)
      : k_max_(k_max), seen_(static_cast<std::size_t>(tokens), 0) {}
  // What is wrong with a row; "": nothing. Choices from 63 on are not told apart; 255 is that or a
  // later one.
  const char* problem(double token, double choice);

 private:
  std::int64_t k_max_;
  std::vector<std::uint64_t> seen_;  // bits of choices
};

// Throws Exit::internal unless domains are numbers of the `names` domains, or there are no names.
void check_domains(const std::vector<double>& domains, std::size_t names, std::int64_t step);

// Throws Exit::internal unless losses are NaN (no target) or finite and at least 0.
void check_losses(const std::vector<double>& losses, std::int64_t step);

}  // namespace moesim
