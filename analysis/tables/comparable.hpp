// Comparable says whether the losses of arms may be compared, and which arm has the lowest.
#pragma once

#include "analysis/runs/arms.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace moesim {

// True if the runs that say so have learned the same task from the same data, and were measured by
// as many sequences.
bool same_measure(const std::vector<Arm>& arms);
// True if the runs that say so predict the same number of tokens or classes.
bool same_vocabulary(const std::vector<Arm>& arms);

// True if arms have other tokens, by their number or by the bytes that one stands for, and these
// bytes are known of some: losses are then compared for a byte.
bool compares_bytes(const std::vector<Arm>& arms);

// The arm of the lowest mean loss, of those that do not leak and have two seeds or more.
struct Best {
  std::size_t arm = 0;  // its place among the arms
  // To the other such arms, by their place: how far their losses lie above it. Adjusted over them.
  std::vector<std::size_t> others;
  std::vector<Difference> differences;

  // The others that are not significantly worse.
  std::vector<std::size_t> tied() const;
};

// The arms, and the baseline behind them if it is none of them: a baseline that is not shown may
// still have the lowest loss.
std::vector<Arm> with_baseline(std::vector<Arm> arms, const Arm* baseline);

// None if the arms cannot be compared. What is not separable from the baseline by the test against
// that is tied as well.
std::optional<Best> best_of(const std::vector<Arm>& arms, const Arm* baseline);

// How far the losses of the arms are from the baseline's, adjusted over the arms; nothing (method
// none) for the baseline itself, or without one.
std::vector<Difference> differences_to(const Arm* baseline, const std::vector<Arm>& arms);

}  // namespace moesim
