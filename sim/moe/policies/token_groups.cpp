// Forms the groups of tokens that a mixing router mixes among.
#include "sim/moe/policies/token_groups.hpp"

#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {

Tensor GroupedTokens::of(const Tensor& logits) const {
  if (!order) return logits;
  Tensor rows = gather_rows(logits, order);
  std::vector<real> mask(places.size(), 0);
  bool partial = false;
  for (std::size_t i = 0; i < places.size(); ++i)
    if (places[i] < 0) mask[i] = real(-1e30), partial = true;
  if (!partial) return rows;
  return add_column(rows, Tensor::of({static_cast<index>(mask.size())}, mask, logits.backend()));
}

TokenGroups::TokenGroups(const Site& site, Options& options) {
  along_sequence_ =
      options.choice("groups", "batch", {"batch", "sequence"},
                     "a group runs across the batch, or along the sequence") == "sequence";
  size_ =
      options.integer("group_size", 0, {0, 1 << 20},
                      "tokens in a group; 0: as many as experts, so that a token costs one row");
  if (size_ == 0) size_ = site.experts;
  const index total = along_sequence_ ? site.length : site.batch;
  if (total % size_ != 0) {
    index valid = std::min(size_, total);
    while (total % valid != 0) --valid;
    options.reject(
        "group_size",
        fmt::format("groups of {} do not divide {} = {}; the nearest that does is {}", size_,
                    along_sequence_ ? "data.length" : "train.batch", total, valid));
  }
  options.explain(
      Topic::selection,
      fmt::format("groups of {} tokens, {}; an expert gets one weighted mean of each group", size_,
                  along_sequence_ ? "consecutive in a sequence"
                                  : "at the same position of consecutive sequences"));
}

Sees TokenGroups::sees() const {
  return {.later_tokens = along_sequence_ && size_ > 1,
          .other_sequences = !along_sequence_ && size_ > 1};
}

GroupedTokens TokenGroups::of(const Tokens& tokens) const {
  const index B = tokens.batch(), S = tokens.length();
  const index free = along_sequence_ ? B : S, run = along_sequence_ ? S : B;
  GroupedTokens grouped;
  for (index first = 0; first < run; first += size_)
    for (index f = 0; f < free; ++f)
      for (index i = first; i < first + size_; ++i)
        grouped.places.push_back(
            i >= run ? -1 : static_cast<std::int32_t>(along_sequence_ ? f * S + i : i * S + f));
  const bool in_order = along_sequence_ && S % size_ == 0;
  if (in_order)
    for (std::size_t i = 0; i < grouped.places.size(); ++i)
      grouped.places[i] = static_cast<std::int32_t>(i);
  else
    grouped.order = Indices::of(grouped.places, tokens.x.backend());
  grouped.groups = static_cast<index>(grouped.places.size()) / size_;
  return grouped;
}

Tensor one_hot_of_largest(const Tensor& weights, Along axis) {
  std::vector<real> w = weights.to_host();
  for (index o = 0; o < axis.outer; ++o)
    for (index i = 0; i < axis.inner; ++i) {
      const auto at = [&](index n) -> real& {
        return w[static_cast<std::size_t>((o * axis.n + n) * axis.inner + i)];
      };
      real largest = at(0);
      for (index n = 1; n < axis.n; ++n) largest = std::max(largest, at(n));
      for (index n = 0; n < axis.n; ++n) at(n) = at(n) == largest ? real{1} : real{0};
    }
  return journaled(Tensor::of(weights.shape(), w, weights.backend()));
}

}  // namespace moesim
