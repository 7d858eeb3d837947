// Places assigns expert capacity to choices, and decides the output of tokens that get no place.
#pragma once

#include "sim/moe/policies/capacity.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/choose.hpp"

namespace moesim {

class Places {
 public:
  // Reads `capacity*`, `group`, `fill` and `dropped`, for a router with k choices per token. The
  // default capacity factors are those of training and evaluation; 0: no limit.
  Places(Options& options, const Site& site, index k, double factor = 1.25, double factor_eval = 2);

  // The plan of the choices [T·k] (-1: none) that get a place. gates [T, k]; scores [T, E] set the
  // priority of tokens.
  Assignment assign(const Indices& choice, const Tensor& gates, const Tensor& scores,
                    const Tokens& tokens) const;
  // The two parts of assign(): the choices, with those without a place at -1; and their plan.
  Indices keep(const Indices& choice, const Tensor& scores, const Tokens& tokens) const;
  Assignment plan(const Indices& choice, const Indices& kept, const Tensor& gates,
                  const Tokens& tokens) const;

  Group group() const { return group_; }
  // The tokens whose choices can displace a token's: later tokens, unless places are assigned token
  // by token, and other sequences, if capacity is shared by the batch.
  Sees sees() const;
  // Upper bound of the rows of expert compute in a training pass.
  double expert_rows(index tokens) const;

 private:
  index rows(const Tokens& tokens) const;  // of an expert from a group; 0: no limit
  bool limited() const { return training_.limited() || evaluation_.limited(); }
  Tensor first_gate_where_none(const Indices& kept_token, const Tensor& gates) const;

  index k_, experts_, length_;
  Capacity training_, evaluation_;
  Group group_ = Group::sequence;
  Order order_ = Order::token;
  bool passes_input_ = false;
};

}  // namespace moesim
