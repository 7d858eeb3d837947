// BalanceScope is the set of tokens over which f and P of the load balance loss E/k Σ f P are taken;
// BalanceLoss is that loss with its weight.
//
//   batch     f and P of the micro-batch (Fedus et al. 2022; most published code)
//   sequence  f and P of each sequence, averaged (DeepSeek-AI 2024, eq. 17 to 20)
//   running   P of the micro-batch, f of the step's micro-batches so far, this one included
//             (Megatron-LM's global_aux_loss)
//   step      P of the micro-batch, f of all micro-batches of the step (Qiu et al. 2025, "Demons in
//             the detail"); a step of several begins with a forward pass that counts
//
// Larger scopes have smaller values for the same routing: the same weight is a weaker constraint.
#pragma once

#include "sim/config/options.hpp"
#include "sim/moe/losses.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/moe/router.hpp"

#include <string>
#include <vector>

namespace moesim {

class BalanceScope {
 public:
  BalanceScope() = default;
  // Reads `balance_group`.
  BalanceScope(Options& options, const std::string& otherwise);

  // What a router declares if it returns this loss of scores with so many columns. The total comes
  // before any other.
  std::vector<Shape> totals(index columns) const;
  bool whole_step() const { return kind_ == Kind::step; }
  // The tokens of f and P, in words.
  std::string text() const;

  // The loss of a micro-batch of so many sequences (balance_loss); adds its counts to `totals`.
  Tensor loss(const Tensor& scores, const Indices& choice, index k, Counted counted,
              index sequences, const Context& context, std::vector<Tensor>& totals) const;

 private:
  enum class Kind { batch, sequence, running, step };
  bool of_step() const { return kind_ == Kind::running || kind_ == Kind::step; }

  Kind kind_ = Kind::batch;
};

class BalanceLoss {
 public:
  // Reads `balance_weight`, `balance_group` and `balance_counted`, for a router with k choices per
  // token; weight and group are their defaults. at_balance: the loss of even choices, if scores are
  // weighted.
  // columns: of the scores.
  BalanceLoss(Options& options, index k, index columns, double weight, const std::string& group,
              double at_balance = 1);

  // Adds what the router declares, before the totals of any other policy.
  void declare(Traits& traits, index columns) const;
  // Adds the loss and its total. shares: scores that sum to 1 per token. [T, n] each
  void add_to(Routing& routing, const Tensor& scores, const Tensor& shares, const Indices& choice,
              const Tokens& tokens) const;

 private:
  index k_;
  double weight_ = 0;
  BalanceScope scope_;
  bool unbiased_ = false;
};

}  // namespace moesim
