// PairSource is the pairs (source, target) of one task, by number, in two splits.
#pragma once

#include "sim/config/options.hpp"
#include "sim/core/random.hpp"
#include "sim/data/dataset.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace moesim {

struct Pair {
  std::string source, target;
};

class PairSource {
 public:
  virtual ~PairSource() = default;
  virtual index size(Split split) const = 0;
  // Pair `number`, 0 .. size(split) - 1, always the same.
  virtual Pair pair(Split split, index number) const = 0;
  // Of everything that determines the pairs.
  virtual std::string fingerprint() const = 0;
};

// The pairs of a task, and its label, [A-Za-z0-9._-]{1,64}.
struct LabelledPairs {
  std::string label;
  std::unique_ptr<PairSource> pairs;
};

// The split of all pairs with this source, in every task: validation with probability `fraction`.
// No source of a validation pair then occurs in training with another task's target.
inline Split split_of(std::string_view source, double fraction) {
  const Stream stream{hash_name(source), Purpose::evaluation};
  return random_uniform(stream, 0) < fraction ? Split::validation : Split::train;
}

}  // namespace moesim
