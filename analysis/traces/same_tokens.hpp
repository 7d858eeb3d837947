// TraceAt is one trace of one file; same_tokens() says whether two are of the same tokens.
#pragma once

#include "analysis/traces/trace.hpp"

#include <cstddef>
#include <string>

namespace moesim {

// How to get traces of more checkpoints, for error messages.
inline constexpr const char* kMoreCheckpoints =
    "A run keeps its two newest checkpoints and the best one; train it with checkpoint.every=STEPS "
    "checkpoint.keep=NUMBER to have more";

struct TraceAt {
  TracedRun* run = nullptr;
  std::size_t trace = 0;

  std::int64_t step() const { return run->step(trace); }
};

// The same number of tokens, in sequences of the same length, with the same ids and domains. Data
// without ids cannot be told apart.
bool same_tokens(const TraceAt& a, const TraceAt& b);
// Throws Exit::data if their models differ in MoE layers or experts, so that no layer of one is one of
// the other.
void require_same_shape(const TracedRun& a, const TracedRun& b);

}  // namespace moesim
