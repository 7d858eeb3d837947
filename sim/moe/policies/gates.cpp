#include "sim/moe/policies/gates.hpp"

#include "sim/config/text.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

namespace moesim {

index read_choices(Options& options, index otherwise, index experts) {
  const index k =
      options.integer("k", otherwise, {0, experts},
                      "experts per token; 0: all, the dense mixture (Jacobs et al. 1991)");
  const index all = k == 0 ? experts : k;
  options.explain(Topic::selection,
                  all == experts
                      ? fmt::format("every token takes all E = {} experts", experts)
                      : fmt::format("a token chooses the experts of its k = {} largest logits, of "
                                    "E = {}; ties go to the lower number",
                                    all, experts));
  return all;
}

Divisor::Divisor(Options& options, index k, double epsilon, bool explains) {
  std::string kind = options.choice("normalise", "auto", {"auto", "none", "sum", "l2"},
                                    "divide the gates of a token by their sum or norm, before "
                                    "drops; auto: none for k = 1, else sum");
  // A single gate divided by itself is 1 whatever the logits are: the router would not learn.
  if (kind == "auto") kind = k == 1 ? "none" : "sum";
  kind_ = kind == "l2" ? Kind::l2 : kind == "sum" ? Kind::sum : Kind::none;
  epsilon_ = options.number("normalise_epsilon", epsilon, {0, 1}, "added to the divisor");
  if (!explains) return;
  const std::string norm = kind_ == Kind::l2 ? "√Σ s²" : "Σ s";
  const std::string divisor =
      epsilon_ > 0 ? "(" + norm + " + " + config::shortest(epsilon_) + ")" : norm;
  options.explain(Topic::gate,
                  kind_ == Kind::none
                      ? "g_e = s_e of a chosen expert, not divided"
                      : fmt::format("g_e = s_e / {} over the token's {} chosen", divisor, k));
}

Tensor Divisor::divide(const Tensor& gates, const Tensor& more) const {
  if (kind_ == Kind::none) return gates;
  const auto epsilon = static_cast<real>(epsilon_);
  Tensor sum = sum_cols(kind_ == Kind::sum ? gates : square(gates));
  if (more) sum = add(sum, more);
  const Tensor divisor = kind_ == Kind::sum ? sum : sqrt(sum);
  return div_column(gates, epsilon > 0 ? affine(divisor, 1, epsilon) : divisor);
}

std::string Divisor::needless() const {
  return kind_ == Kind::l2 ? "normalise" : epsilon_ > 0 ? "normalise_epsilon" : "";
}

Gates::Gates(Options& options, index k)
    : k_(k),
      after_(options.choice("softmax", "before", {"before", "after"},
                            "softmax over all experts before selection, or over the chosen after "
                            "it") == "after"),
      divisor_(options, k, 0, !after_) {
  if (after_)
    options.explain(Topic::gate,
                    fmt::format("g = softmax over the logits of the token's {} chosen: the same as "
                                "a softmax over all, divided by its sum over the chosen",
                                k));
  over_kept_ = options.choice("normalise_over", "chosen", {"chosen", "kept"},
                              "divide by the sum over a token's choices, or over those that get "
                              "a place (DeepSpeed)") == "kept";
  if (over_kept_ && (after_ || !divisor_.divides()))
    options.reject("normalise_over",
                   "kept needs softmax = before and normalise = sum or l2, which do the same");
  if (over_kept_)
    options.explain(Topic::gate,
                    "the sum is over choices that get a place: what a dropped choice had goes to "
                    "the token's others");
}

Tensor Gates::of(const Tensor& logits, const Tensor& scores, const Indices& choice) const {
  if (after_) return softmax(at_choices(logits, choice));
  const Tensor chosen = at_choices(scores, choice);
  return over_kept_ ? chosen : divisor_.divide(chosen);
}

Tensor Gates::over_kept(const Tensor& gates, const Indices& kept) const {
  if (!over_kept_) return gates;
  // [T, k]: 1 for a kept choice, else 0. A token without any has the sum 1.
  const Indices once =
      map_indices(kept, {.shape = {kept.size(), 1, 1}, .from = {1}, .scale = 0, .base = 1});
  const Tensor is_kept = relu(to_real(once, gates.shape(), 1));
  return divisor_.divide(mul(gates, is_kept), affine(sign(sum_cols(is_kept)), -1, 1));
}

void Gates::reject_constant(Options& options) const {
  if (const std::string key = divisor_.needless(); after_ && !key.empty())
    options.reject(key, "has no effect with softmax = after, whose gates sum to 1; leave it out");
  reject_constant_gate(options, (k_ == 1 && after_) || divisor_.constant(k_),
                       after_ ? "softmax" : "normalise", "softmax = before and normalise = none");
}

void reject_constant_gate(Options& options, bool constant, const std::string& key,
                          const std::string& remedy) {
  const bool allowed = options.flag("allow_constant_gate", false,
                                    "keep k = 1 with gates that are always 1, to study the dead "
                                    "router");
  if (constant && !allowed)
    options.reject(key,
                   "with k = 1 the gate is always 1 and the router gets no gradient from the "
                   "task; set " +
                       remedy + ", or allow_constant_gate = true to study it");
}

Tensor at_choices(const Tensor& values, const Indices& choice) {
  const index T = values.rows(), k = T == 0 ? 1 : choice.size() / T;
  return pick(values, entries_of(choice, k, values.cols())).reshape({T, k});
}

Tensor at_experts(const Tensor& values, const Indices& choice, index experts) {
  const index n = choice.size(), T = values.rows(), k = values.cols();
  const Indices entry = entries_of(choice, k, experts);
  return combine_rows(values.reshape({n, 1}), {}, entry, T * experts).reshape({T, experts});
}

}  // namespace moesim
