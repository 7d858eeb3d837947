// Places decides which choices fit into the experts' capacity, and the output of tokens whose
// choices do not.
#pragma once

#include "sim/moe/policies/capacity.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/choose.hpp"

namespace moesim {

class Places {
 public:
  // Reads `capacity*`, `group`, `fill`, `dropped` and `straight_through`, for a router with k choices
  // per token. The default capacity factors are those of training and evaluation; 0: no limit.
  Places(Options& options, const Site& site, index k, double factor = 1.25, double factor_eval = 2);

  // The choices [T·k] (-1: none) that get a place; the others become -1. gates [T, k], scores
  // [T, E] and logits [T, E] rank choices and tokens, as `fill` says.
  Indices keep(const Indices& choice, const Tensor& gates, const Tensor& scores,
               const Tensor& logits, const Tokens& tokens) const;
  // The plan of the kept choices. gates [T, k].
  Assignment plan(const Indices& choice, const Indices& kept, const Tensor& gates,
                  const Tokens& tokens) const;
  // Both.
  Assignment assign(const Indices& choice, const Tensor& gates, const Tensor& scores,
                    const Tokens& tokens, const Tensor& logits = {}) const {
    return plan(choice, keep(choice, gates, scores, logits, tokens), gates, tokens);
  }

  Group group() const { return group_; }
  // True if experts' inputs carry gradients of the gates: the plan's scale is 1, with the gate's
  // derivative.
  bool straight_through() const { return straight_through_; }
  // The tokens whose choices can displace a token's: later tokens, unless places are assigned token
  // by token, and other sequences, if capacity is shared by the batch.
  Sees sees() const;
  // by_capacity if evaluation may drop something: C depends on the number of tokens.
  Reroutes reroutes() const;
  // Upper bound of the rows of expert compute in a training pass.
  double expert_rows(index tokens) const;

 private:
  void explain(const Options& options, const Site& site) const;

  // How places are filled: by an order of tokens and choices, or by the largest values per expert.
  enum class By { token, choice, priority, random, gate, logit };

  bool limited() const { return limits(training_) || limits(evaluation_); }
  bool limits(const Capacity& capacity) const;
  index group_size(const Tokens& tokens) const;
  index places(const Tokens& tokens) const;
  Tensor priority(const Indices& choice, const Tensor& scores, const Tokens& tokens) const;
  // The places of all choices in the order of service. values [T, k]: what experts rank by.
  std::vector<std::int32_t> service(const Tokens& tokens, const Tensor& first,
                                    const Tensor& values) const;
  Tensor first_gate_where_none(const Indices& kept_token, const Tensor& gates) const;

  index k_, experts_, length_;
  Capacity training_, evaluation_;
  Group group_ = Group::sequence;
  By by_ = By::token;
  bool passes_input_ = false, straight_through_ = false;
};

}  // namespace moesim
