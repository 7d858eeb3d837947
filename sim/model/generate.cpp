#include "sim/model/generate.hpp"

#include "sim/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {

std::int32_t choose_token(const std::vector<real>& logits, const Choosing& choosing, double u) {
  for (const real logit : logits)
    if (!std::isfinite(static_cast<double>(logit)))
      fail(Exit::diverged, "the logits of the next token are not finite");
  if (choosing.temperature == 0)
    return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) -
                                     logits.begin());
  // Descending by logit, ties by token id, so that top_k is the same everywhere.
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto logit = [&](std::int32_t id) {
    return static_cast<double>(logits[static_cast<std::size_t>(id)]);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int32_t a, std::int32_t b) { return logit(a) > logit(b); });
  if (choosing.top_k > 0 && choosing.top_k < static_cast<index>(order.size()))
    order.resize(static_cast<std::size_t>(choosing.top_k));
  std::vector<double> sums;
  double sum = 0;
  for (const std::int32_t id : order)
    sums.push_back(sum += std::exp((logit(id) - logit(order.front())) / choosing.temperature));
  const auto chosen = std::upper_bound(sums.begin(), sums.end(), u * sum);
  return order[std::min<std::size_t>(static_cast<std::size_t>(chosen - sums.begin()),
                                     order.size() - 1)];
}

Generator::Generator(Transformer& model, index length, Backend& backend,
                     std::vector<std::int32_t> prompt, const Choosing& choosing,
                     const Decoding& how)
    : decoder_(model, length, 1, backend, how), choosing_(choosing), tokens_(std::move(prompt)) {
  if (tokens_.empty()) fail_in("generator", "an empty prompt");
}

const std::vector<real>& Generator::logits() {
  if (decoded_ == tokens_.size()) return logits_;
  logits_ =
      decoder_.extend({tokens_.begin() + static_cast<std::ptrdiff_t>(decoded_), tokens_.end()});
  decoded_ = tokens_.size();
  return logits_;
}

std::int32_t Generator::next() {
  const double u = random_uniform({.seed = choosing_.seed, .purpose = Purpose::sampling}, drawn_);
  ++drawn_;
  tokens_.push_back(choose_token(logits(), choosing_, u));
  return tokens_.back();
}

}  // namespace moesim
