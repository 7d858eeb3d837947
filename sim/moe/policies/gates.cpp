#include "sim/moe/policies/gates.hpp"

#include "sim/ops/ops.hpp"

namespace moesim {

Gates::Gates(Options& options, index k) : k_(k) {
  after_ = options.choice("softmax", "before", {"before", "after"},
                          "softmax over all experts before selection, or over the chosen after "
                          "it") == "after";
  std::string divisor = options.choice("normalise", "auto", {"auto", "none", "sum", "l2"},
                                       "divide the gates of a token by their sum or norm, before "
                                       "drops; auto: none for k = 1, else sum");
  // A single gate divided by itself is 1, whatever the logits: the router would never learn.
  if (divisor == "auto") divisor = k == 1 ? "none" : "sum";
  divisor_ = divisor == "l2" ? Divisor::l2 : divisor == "sum" ? Divisor::sum : Divisor::none;
  epsilon_ = options.number("normalise_epsilon", 0, {0, 1}, "added to the divisor");
}

Tensor Gates::of(const Tensor& logits, const Tensor& scores, const Indices& choice) const {
  if (after_) return softmax(at_choices(logits, choice));
  const Tensor chosen = at_choices(scores, choice);
  if (divisor_ == Divisor::none) return chosen;
  const auto epsilon = static_cast<real>(epsilon_);
  const Tensor divisor =
      divisor_ == Divisor::sum ? sum_cols(chosen) : sqrt(sum_cols(square(chosen)));
  return div_column(chosen, epsilon > 0 ? affine(divisor, 1, epsilon) : divisor);
}

void Gates::reject_constant(Options& options) const {
  const bool allowed = options.flag("allow_constant_gate", false,
                                    "keep k = 1 with gates that are always 1, to study the dead "
                                    "router");
  if (after_ && (divisor_ == Divisor::l2 || epsilon_ > 0))
    options.reject(divisor_ == Divisor::l2 ? "normalise" : "normalise_epsilon",
                   "has no effect with softmax = after, whose gates sum to 1; leave it out");
  if (k_ == 1 && (after_ || divisor_ != Divisor::none) && !allowed)
    options.reject(after_ ? "softmax" : "normalise",
                   "with k = 1 the gate is always 1 and the router gets no gradient from the task; "
                   "set softmax = before and normalise = none, or allow_constant_gate = true to "
                   "study it");
}

Tensor at_choices(const Tensor& values, const Indices& choice) {
  const index T = values.rows(), k = choice.size() / T;
  return pick(values, entries_of(choice, k, values.cols())).reshape({T, k});
}

}  // namespace moesim
