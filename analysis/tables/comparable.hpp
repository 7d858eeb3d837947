// Decides whether the losses of arms can be compared, and finds the best arm.
#pragma once

#include "analysis/runs/arms.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace moesim {

// Returns true if all runs learned the same task from the same data and were evaluated on the same
// number of sequences; runs that do not record this are ignored.
bool same_measure(const std::vector<Arm>& arms);
// Returns true if all runs have the same number of tokens or classes; runs that do not record it
// are ignored.
bool same_vocabulary(const std::vector<Arm>& arms);

// Returns true if arms differ in tokenisation (number of tokens, or bytes per token) and the bytes
// per token of some are known: losses are then compared per byte.
bool compares_bytes(const std::vector<Arm>& arms);

// Best is the arm with the lowest mean loss among the candidates: arms that do not leak and have at
// least two seeds.
struct Best {
  std::size_t arm = 0;  // index among the arms
  // Differences of the other candidates from the best, by arm index; adjusted over these
  // candidates.
  std::vector<std::size_t> others;
  std::vector<Difference> differences;

  // Returns the other candidates that are not significantly worse.
  std::vector<std::size_t> tied() const;
};

// Returns the arms, with the baseline appended if it is not among them: a baseline that is not
// shown may still have the lowest loss.
std::vector<Arm> with_baseline(std::vector<Arm> arms, const Arm* baseline);

// Returns the best arm; nothing if the arms cannot be compared. An arm that the baseline test
// cannot separate from the best is also tied.
std::optional<Best> best_of(const std::vector<Arm>& arms, const Arm* baseline);

// Returns the differences in loss from the baseline, adjusted over the arms. The baseline's own
// entry, and all entries without a baseline, are empty (method none).
std::vector<Difference> differences_to(const Arm* baseline, const std::vector<Arm>& arms);

}  // namespace moesim
