// Places decides which choices find room at their expert, and what a token without any gets.
#pragma once

#include "sim/moe/policies/capacity.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/choose.hpp"

namespace moesim {

class Places {
 public:
  // The options `capacity*`, `group`, `fill` and `dropped` of a router with k choices per token.
  Places(Options& options, const Site& site, index k);

  // The plan of the choices [T·k] (-1: none) that find room; gates [T, k]; scores [T, E] set the
  // priority of tokens.
  Assignment assign(const Indices& choice, const Tensor& gates, const Tensor& scores,
                    const Tokens& tokens) const;

  Group group() const { return group_; }
  // Whose choices can displace one: those of later tokens unless places are given token by token,
  // those of other sequences if the batch shares them.
  Sees sees() const;
  // Rows that the experts run on in a training pass, at most.
  double expert_rows(index tokens) const;

 private:
  bool limited() const { return training_.limited() || evaluation_.limited(); }
  Tensor first_gate_where_none(const Indices& kept_token, const Tensor& gates) const;

  index k_, experts_, length_;
  Capacity training_, evaluation_;
  Group group_ = Group::sequence;
  Order order_ = Order::token;
  bool passes_input_ = false;
};

}  // namespace moesim
