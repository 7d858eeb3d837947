// Sentence- and task-level routing (Kudugunta et al. 2021): all tokens of a sequence take the same k
// experts.
//
//   prompt    l[t] = m[min(t, n - 1)] W,  m[t]: mean of the tokens 0 .. t    n: `prompt` tokens
//   sequence  l[t] = m[S - 1] W, the mean of the whole sequence: looks ahead
//   label     l[t] = W[first token], a row per token id: for sequences that begin with a task label
//   chosen: the k largest l     gates and losses as in token choice, no capacity
//
// The paper averages the sentence, which an encoder may see. In the causal form the first n tokens
// are routed by what is known so far, all others alike.
#include "sim/moe/choose.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/moe/policies/penalties.hpp"
#include "sim/moe/router.hpp"
#include "sim/nn/past.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>

namespace moesim {
namespace {

class Sentence : public Router {
 public:
  Sentence(const Site& site, Options& o)
      : D_(site.width), E_(site.experts), k_(read_choices(o, 1, E_)), gates_(o, k_), penalties_(o) {
    gates_.reject_constant(o);
    by_ = o.choice("by", site.causal ? "prompt" : "sequence", {"prompt", "sequence", "label"},
                   "what routes a sequence: the mean of its first tokens, that of all, or its "
                   "first token, a label");
    prompt_ = o.integer("prompt", 8, {1, 1 << 20}, "first tokens that route the others");
    balance_ = read_balance_weight(o, 0.01, k_, E_);
    o.explain(Topic::scores, by_ == "label" ? "l = W[first token]; s = softmax"
                             : by_ == "sequence"
                                 ? "l = mean of the sequence · W; s = softmax"
                                 : "l[t] = mean of the tokens so far, of the first " +
                                       std::to_string(prompt_) + " · W; s = softmax");
    if (by_ == "label" && site.vocabulary == 0)
      o.reject("by", "the data has no token ids; take prompt or sequence");
    if (site.ragged)
      o.reject("by", "sequences of a router inside another differ in length; take token_choice");
    traits_ = {.experts = E_,
               .sees = {.later_tokens = by_ == "sequence"},
               .cost = {.rows_per_token = static_cast<double>(k_),
                        .router_flops = 2.0 * static_cast<double>(D_ * E_)},
               .capturable = true,
               .reroutes = by_ == "sequence" ? Reroutes::always : Reroutes::never};
    weight_ = parameter("weight", {by_ == "label" ? site.vocabulary : D_, E_}, Init::normal(0.02));
  }

  Routing route(const Tokens& tokens) override {
    const index B = tokens.batch(), S = tokens.length();
    const Tensor logits = logits_of(tokens, B, S), scores = softmax(logits);  // [T, E]
    const Indices choice = top_k(logits, k_);                                 // [T·k]
    const Tensor gates = gates_.over_kept(gates_.of(logits, scores, choice), choice);
    Routing routing{.plan = assign(choice, choice, k_, E_, gates),
                    .scores = scores,
                    .losses = weighted_balance(balance_, scores, choice, k_)};
    penalties_.add_to(routing.losses, scores, weight_);
    return routing;
  }

 private:
  Tensor logits_of(const Tokens& tokens, index B, index S) const {
    Backend& backend = tokens.x.backend();
    // Rows b · per_sequence + min(position, per_sequence - 1) for every token.
    const auto spread = [&](const Tensor& rows, index per_sequence) {
      std::vector<std::int32_t> row;
      for (index b = 0; b < B; ++b)
        for (index s = 0; s < S; ++s)
          row.push_back(
              static_cast<std::int32_t>(b * per_sequence + std::min(s, per_sequence - 1)));
      return gather_rows(rows, Indices::of(row, backend));
    };
    if (by_ == "sequence") return spread(matmul(mean_rows(tokens.x, B), weight_), 1);
    Past* const past = tokens.context.past;
    if (by_ == "label") {
      if (past != nullptr && past->length > 0) return spread(past->value_of(this), 1);
      const Indices first = map_indices({.shape = {B, 1, 1}, .add = {S}}, backend);
      const Tensor logits = gather_rows(weight_, look_up(tokens.ids, first));
      if (past != nullptr) past->value_of(this) = logits;
      return spread(logits, 1);
    }
    const index before = past != nullptr ? std::min(past->length, prompt_) : 0;
    const index n = std::min(prompt_ - before, S);
    if (n == 0) return spread(matmul(past->value_of(this), weight_), 1);
    const Tensor means = means_of(tokens, B, n, before);
    if (past != nullptr)
      past->value_of(this) =
          gather_rows(means, map_indices({.shape = {B, 1, 1}, .add = {n}, .base = n - 1}, backend));
    return spread(matmul(means, weight_), n);
  }

  // The means up to each of the n first tokens of the pass. `before` tokens precede them, whose mean
  // is kept. -> [B·n, D]
  Tensor means_of(const Tokens& tokens, index B, index n, index before) const {
    Backend& backend = tokens.x.backend();
    const index S = tokens.length(), kept = before > 0 ? 1 : 0, m = kept + n;
    Tensor x = gather_rows(tokens.x,
                           map_indices({.shape = {B, n, 1}, .add = {S, 1}}, backend));  // [B·n, D]
    if (kept > 0) {
      const Tensor all = concat_rows({tokens.context.past->value_of(this), x});
      std::vector<std::int32_t> row;
      for (index b = 0; b < B; ++b)
        for (index i = 0; i < m; ++i)
          row.push_back(static_cast<std::int32_t>(i == 0 ? b : B + b * n + i - 1));
      x = gather_rows(all, Indices::of(row, backend));  // [B·m, D]
    }
    // Row t averages the tokens up to t.
    std::vector<real> average(static_cast<std::size_t>(B * n * m), 0);
    for (index row = 0; row < B * n; ++row) {
      const auto count = static_cast<real>(before + row % n + 1);
      std::fill_n(average.begin() + row * m, kept + row % n + 1, 1 / count);
      if (kept > 0) average[static_cast<std::size_t>(row * m)] = static_cast<real>(before) / count;
    }
    return batched_matmul(journaled(Tensor::of({B, n, m}, average, backend)), x.reshape({B, m, D_}))
        .reshape({B * n, D_});
  }

  index D_, E_, k_;
  Gates gates_;
  Penalties penalties_;
  std::string by_;
  index prompt_ = 1;
  double balance_ = 0;
  Tensor weight_;  // [D, E], or [vocabulary, E]
};

const RegisterRouter<Sentence> sentence(
    "sentence", "all tokens of a sequence take the same experts: by its start, mean or label",
    {{"two", "k=2 prompt=3 normalise=sum balance_weight=0 entropy_weight=0.1"},
     {"mean", "by=sequence normalise=none weight_penalty=0.1 orthogonal_weight=0.1"},
     {"label", "by=label k=2 softmax=after marginal_entropy_weight=0.1"},
     {"l2", "k=2 normalise=l2 normalise_epsilon=1e-6 normalise_over=kept orthogonal=gram"},
     {"constant", "by=prompt k=2 allow_constant_gate=true"}});

}  // namespace
}  // namespace moesim
