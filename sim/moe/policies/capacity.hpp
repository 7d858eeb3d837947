// Capacity is the maximal number of rows that an expert takes from a group of tokens.
#pragma once

#include "sim/config/options.hpp"
#include "sim/core/types.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace moesim {

enum class Rounding { ceil, floor, round };  // round: half to even

// Rows per expert in a group of n tokens with k choices each:
//   C = max(minimum, round(factor · n · (per_choice ? k : 1) / E)) up to a multiple of `multiple`,
//   at most n.
//   whole_share: round(factor · ⌈n / E⌉) · (per_choice ? k : 1) instead (Tutel)
// Published code differs in every part of it (rounding, k, minimum), so every part is a setting.
struct Capacity {
  double factor = 1;  // 0: no limit
  Rounding rounding = Rounding::ceil;
  bool per_choice = true;
  index minimum = 0, multiple = 1;
  index absolute = 0;  // > 0: capacity itself, for every n
  bool whole_share = false;

  bool limited() const { return factor > 0 || absolute > 0; }
  index rows(index n, index k, index experts) const;  // 0: no limit
  // The formula with these numbers and its value: "⌈1.25 · 64 · 2 / 8⌉ = 20".
  std::string formula(index n, index k, index experts) const;
};

// Here, because what reads traces is built without a number type.
inline index Capacity::rows(index n, index k, index experts) const {
  if (absolute > 0) return absolute;
  if (factor == 0) return 0;
  const index times = per_choice ? k : 1, share = (n + experts - 1) / experts;
  const double exact = whole_share ? factor * static_cast<double>(share)
                                   : factor * static_cast<double>(n) * static_cast<double>(times) /
                                         static_cast<double>(experts);
  // A product such as 1.2 · 10 / 4 is 3, not 4: rounding errors in its last bit are ignored.
  const double nearest = std::nearbyint(exact);
  const double value = std::abs(exact - nearest) < 1e-9 * std::max(1.0, exact) ? nearest : exact;
  double rounded = 0;
  switch (rounding) {
    case Rounding::ceil:
      rounded = std::ceil(value);
      break;
    case Rounding::floor:
      rounded = std::floor(value);
      break;
    case Rounding::round:
      rounded = std::nearbyint(value);
      break;
  }
  const index rows = std::min(n, static_cast<index>(rounded) * (whole_share ? times : 1));
  const index multiple_rows = (rows + multiple - 1) / multiple * multiple;
  return std::max<index>({1, minimum, std::min(n, multiple_rows)});
}

// Reads the option `capacity_rounding`.
Rounding read_rounding(Options& options, const std::string& otherwise, const std::string& help);

// Group is the set of tokens that compete for the rows of an expert: the tokens of a sequence,
// those at the same position of all sequences, or the whole batch.
enum class Group { sequence, position, batch };

// Reads the option `group`.
Group read_group(Options& options, const std::string& otherwise,
                 const std::vector<std::string>& allowed, const std::string& help);

// What a group of n tokens is: "the 64 tokens of a sequence".
std::string describe_group(Group group, index n);

struct Site;
// Explains the capacity of experts at a site, for groups of this kind and k choices per token: in
// training and in evaluation.
void explain_capacity(const Options& options, const Site& site, Group group, index k,
                      const Capacity& training, const Capacity& evaluation);

// Number of tokens in a group.
index group_size(Group group, index batch, index length);

}  // namespace moesim
