// Capacity is the number of rows that an expert takes from a group of tokens.
#pragma once

#include "sim/config/options.hpp"
#include "sim/core/types.hpp"

#include <string>
#include <vector>

namespace moesim {

enum class Rounding { ceil, floor, round };  // round: half to even

// Rows per expert in a group of n tokens with k choices each:
//   C = max(minimum, round(factor · n · (per_choice ? k : 1) / E)) up to a multiple of `multiple`,
//   at most n.
// Peers disagree on every part of it (rounding, k, minimum), so every part is a setting.
struct Capacity {
  double factor = 1;  // 0: no limit
  Rounding rounding = Rounding::ceil;
  bool per_choice = true;
  index minimum = 0, multiple = 1;
  index absolute = 0;  // > 0: this many, whatever n

  bool limited() const { return factor > 0 || absolute > 0; }
  index rows(index n, index k, index experts) const;  // 0: no limit
};

// The option `capacity_rounding`.
Rounding read_rounding(Options& options, const std::string& otherwise, const std::string& help);

// The tokens that compete for the rows of an expert: those of a sequence, those at the same
// position of all sequences, or all of the batch.
enum class Group { sequence, position, batch };

// The option `group`.
Group read_group(Options& options, const std::string& otherwise,
                 const std::vector<std::string>& allowed, const std::string& help);

// Tokens in each group.
index group_size(Group group, index batch, index length);

}  // namespace moesim
