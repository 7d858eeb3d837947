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
  // Descending by logit, ties by token id, so that top_k is the same everywhere.
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto logit = [&](std::int32_t id) {
    return static_cast<double>(logits[static_cast<std::size_t>(id)]);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int32_t a, std::int32_t b) { return logit(a) > logit(b); });
  if (choosing.temperature == 0) return order.front();
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
                     std::vector<std::int32_t> prompt, const Choosing& choosing)
    : model_(model),
      backend_(backend),
      length_(length),
      choosing_(choosing),
      tokens_(std::move(prompt)) {
  if (tokens_.empty()) fail_in("generator", "an empty prompt");
}

std::vector<real> Generator::logits() {
  const index length = std::min(length_, static_cast<index>(tokens_.size()));
  const std::vector<std::int32_t> window(tokens_.end() - static_cast<std::ptrdiff_t>(length),
                                         tokens_.end());
  Context context;
  context.generating = drawn_ == 0 ? Generating::prompt : Generating::continuation;
  std::vector<Loss> losses;
  const ModelInput input{1, length, Indices::of(window, backend_), {}};
  const std::vector<real> all = model_.forward(input, context, losses).to_host();
  return {all.end() - static_cast<std::ptrdiff_t>(all.size()) / length, all.end()};
}

std::int32_t Generator::next() {
  const std::vector<real> now = logits();
  const double u = random_uniform({.seed = choosing_.seed, .purpose = Purpose::sampling}, drawn_);
  ++drawn_;
  tokens_.push_back(choose_token(now, choosing_, u));
  return tokens_.back();
}

}  // namespace moesim
