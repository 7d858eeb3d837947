#include "sim/ops/choose.hpp"

#include "sim/core/error.hpp"

namespace moesim {

Indices top_k(const Tensor& x, index k) {
  if (k < 1 || k > x.cols())
    fail_in("top_k", "k = " + std::to_string(k) + " for " + x.shape().to_string());
  Indices choice = Indices::empty(x.rows() * k, x.backend());
  x.backend().top_k(x.data(), choice.data(), x.rows(), x.cols(), k);
  return journaled(choice);
}

Indices top_k_rows(const Tensor& x, index groups, index k) {
  if (groups < 1 || x.rows() % groups != 0 || k < 0 || k > x.rows() / groups)
    fail_in("top_k_rows", "k = " + std::to_string(k) + " in " + std::to_string(groups) +
                              " groups of " + x.shape().to_string());
  Indices chosen = Indices::empty(groups * x.cols() * k, x.backend());
  x.backend().top_k_rows(x.data(), chosen.data(), groups, x.rows() / groups, x.cols(), k);
  return journaled(chosen);
}

Indices fill_capacity(const Indices& choice, index k, index experts, index group, index capacity,
                      Order order, const Tensor& priority) {
  const index tokens = choice.size() / k;
  if (group > 0 && tokens % group != 0)
    fail_in("fill_capacity",
            std::to_string(tokens) + " tokens in groups of " + std::to_string(group));
  if (order == Order::score && !priority)
    fail_in("fill_capacity", "order by score needs priorities");
  Indices kept = Indices::empty(choice.size(), choice.backend());
  choice.backend().fill_capacity({.tokens = tokens,
                                  .k = k,
                                  .experts = experts,
                                  .group = group,
                                  .choice = choice.data(),
                                  .capacity = capacity,
                                  .order = order,
                                  .priority = priority ? priority.data() : nullptr},
                                 kept.data());
  return journaled(kept);
}

Indices histogram(const Indices& key, index buckets) {
  Indices count = Indices::empty(buckets, key.backend());
  key.backend().histogram(key.data(), key.size(), buckets, count.data());
  return count;
}

}  // namespace moesim
