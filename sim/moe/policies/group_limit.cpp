#include "sim/moe/policies/group_limit.hpp"

#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace moesim {

GroupLimit::GroupLimit(Options& options, index k, index experts) {
  groups_ = options.integer("groups", 1, {1, experts}, "equal groups of consecutive experts");
  top_ = options.integer("top_groups", 1, {1, experts}, "groups that a token may choose from");
  const index best = options.integer("group_best", 2, {0, experts},
                                     "experts whose sum ranks a group: 2 (DeepSeek-V3), 1 (V2); "
                                     "0: k / top_groups (Megatron)");
  if (experts % groups_ != 0)
    options.reject("groups", "does not divide the " + std::to_string(experts) +
                                 " experts; take a divisor of moe.experts");
  const index size = experts / groups_;
  if (top_ > groups_)
    options.reject("top_groups", "there are only " + std::to_string(groups_) +
                                     " groups; take at most as many, or more groups");
  if (top_ * size < k)
    options.reject("top_groups", "hold " + std::to_string(top_ * size) +
                                     " experts, fewer than k = " + std::to_string(k) +
                                     "; take more of them");
  best_ = std::clamp<index>(best == 0 ? k / top_ : best, 1, size);
  if (top_ < groups_)
    options.explain(
        Topic::selection,
        fmt::format("only experts of the {} best of {} groups of {} may be chosen; a group "
                    "counts by the sum of its {} largest values",
                    top_, groups_, size, best_));
}

Tensor GroupLimit::within(const Tensor& values) const {
  const Tensor fixed = values.detach();
  if (top_ == groups_) return fixed;
  const index rows = values.rows() * groups_, size = values.cols() / groups_;
  const Tensor by_group = fixed.reshape({rows, size});
  const Indices best = top_k(by_group, best_);
  const Tensor sums =
      sum_cols(pick(by_group, entries_of(best, best_, size)).reshape({rows, best_}));
  const Indices groups = top_k(sums.reshape({values.rows(), groups_}), top_);
  // Offset: 0 for a chosen group, so its values stay exact; far below any value for others.
  constexpr double kFar = 1e30;
  const Indices chosen = histogram(entries_of(groups, top_, groups_), rows);
  const Tensor penalty = affine(to_real(chosen, {rows}, kFar), 1, static_cast<real>(-kFar));
  return add_column(by_group, penalty).reshape(values.shape());
}

}  // namespace moesim
