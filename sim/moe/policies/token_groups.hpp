// TokenGroups forms the groups of tokens that a mixing router mixes among (Antoniak et al. 2023).
//
//   groups = batch:     the same position of `group_size` consecutive sequences; no token sees later ones
//   groups = sequence:  `group_size` consecutive tokens of a sequence; these look ahead
#pragma once

#include "sim/moe/router.hpp"

#include <string>
#include <vector>

namespace moesim {

// The tokens of a pass in the order of their groups.
struct GroupedTokens {
  index groups = 0;
  // [groups · size] The token at each place; -1 behind the end of the batch (or sequence) in a last group that is not full.
  std::vector<std::int32_t> places;
  Indices order;  // places on the device; empty if the tokens stand in this order already

  // Rows of logits [T, n] at their places; an empty place has weight 0 in every softmax over the group. -> [groups · size, n]
  Tensor of(const Tensor& logits) const;
};

class TokenGroups {
 public:
  // Reads `groups` and `group_size`; rejects a size that does not divide train.batch (or data.length).
  TokenGroups(const Site& site, Options& options);

  index size() const { return size_; }
  Sees sees() const;
  GroupedTokens of(const Tokens& tokens) const;

 private:
  bool along_sequence_ = false;
  index size_ = 1;
};

// 1 at the largest of each vector along the axis (at all equal ones), 0 elsewhere. No gradient.
Tensor one_hot_of_largest(const Tensor& weights, Along axis);

}  // namespace moesim
