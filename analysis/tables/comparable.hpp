// Decides whether the losses of arms can be compared, and finds the best arm.
#pragma once

#include "analysis/runs/arms.hpp"
#include "sim/core/types.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace moesim {

// Returns true if all runs learned the same task and were evaluated on the same sequences: by
// evaluation_sha256, or, if some do not record it, by the hash of their data and the number of
// sequences. Runs that record none of these are ignored.
bool same_measure(const std::vector<Arm>& arms);
// Returns true if all runs have the same number of tokens or classes; runs that do not record it
// are ignored.
bool same_vocabulary(const std::vector<Arm>& arms);

// Returns true if arms differ in tokenisation (number of tokens, or bytes per token) and the bytes
// per token of some are known: losses are then compared per byte.
bool compares_bytes(const std::vector<Arm>& arms);

// LossOf is a loss that arms are compared by.
struct LossOf {
  double Outcome::*value;
  bool Arm::*leaks;  // the loss is not comparable

  double operator()(const Outcome& run) const { return run.*value; }
};
// The loss of all positions, and that of the positions from eval.from on. An arm that looks ahead
// only before eval.from is a candidate by the latter.
inline constexpr LossOf kWholeLoss{&Outcome::loss, &Arm::leaks};
inline constexpr LossOf kLossFrom{&Outcome::loss_from, &Arm::leaks_from};

// Returns eval.from, if the loss from there on is recorded, and of the same position in all runs
// that record it.
std::optional<index> common_from(const std::vector<Arm>& arms);

// Best is the arm with the lowest mean loss among the candidates: arms that do not leak and have at
// least two seeds.
struct Best {
  std::size_t arm = 0;  // index among the arms
  // Differences of the other candidates from the best, by arm index; adjusted over these
  // candidates.
  std::vector<std::size_t> others;
  std::vector<Difference> differences;
  std::vector<std::size_t> untested = {};  // arms that do not leak and have one seed
  std::vector<std::size_t> lower = {};     // those of them with a lower loss

  // Returns the other candidates that are not significantly worse.
  std::vector<std::size_t> tied() const;
  // Returns the arms that tables set in bold: the best and those tied with it; none if an arm with
  // one seed has a lower loss.
  std::vector<std::size_t> marked() const;
};

// Returns the arms, with the baseline appended if it is not among them: a baseline that is not
// shown may still have the lowest loss.
std::vector<Arm> with_baseline(std::vector<Arm> arms, const Arm* baseline);

// Returns the best arm; nothing if the arms cannot be compared. An arm that the baseline test
// cannot separate from the best is also tied.
std::optional<Best> best_of(const std::vector<Arm>& arms, const Arm* baseline,
                            const LossOf& loss = kWholeLoss);

// Returns the differences in loss from the baseline, adjusted over the arms. The baseline's own
// entry, and all entries without a baseline, are empty (method none).
std::vector<Difference> differences_to(const Arm* baseline, const std::vector<Arm>& arms,
                                       const LossOf& loss = kWholeLoss);

}  // namespace moesim
