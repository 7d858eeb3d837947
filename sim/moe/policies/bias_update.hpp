// BiasUpdate moves the bias b that is added to a router's values v when a token chooses its k of n
// experts, once per step, towards an even load.
//
//   sign          b_e += u · sign(m - n_e)           n_e: choices of e in the step, m: the load wanted
//   proportional  b_e += u · (m - n_e) / m
//   quantile      b = the bias at which e would have been chosen by a share k / n of the tokens: the
//   histogram     k / n quantile over tokens of c_t - v_te, with the cut-off c_t, the (k+1)-th largest
//                 v + b of the token; then b -= mean(b)
//
// sign: DeepSeek-AI 2024, "DeepSeek-V3". proportional: LongCat-Flash (Meituan 2025), which has u / n
// in place of u. quantile: Megatron-LM's quantile balancing, the mean over micro-batches of the exact
// quantile of each, where the bias is subtracted. histogram: Kimi K3 (torchtitan), one quantile of
// all tokens of the step, interpolated within the bins of a histogram on [min b - 1, max b + 1].
#pragma once

#include "sim/config/options.hpp"
#include "sim/moe/policies/scores.hpp"
#include "sim/moe/router.hpp"

#include <string>
#include <vector>

namespace moesim {

class BiasUpdate {
 public:
  // Reads `bias_on`, `bias_update`, `bias_speed`, `bias_average`, `bias_bins` and `real_choices`, for
  // a router with k choices of E experts in groups, and `free` choices that run no expert.
  BiasUpdate(Options& options, index k, index experts, index free, index groups,
             const ScoreFunction& scores);

  bool by_quantile() const { return kind_ == Kind::quantile || kind_ == Kind::histogram; }
  // Mean number of a token's choices that are experts, as it is aimed at.
  double real_choices() const { return real_; }

  // What the bias is added to. No derivative.
  Tensor values(const Tensor& logits, const Tensor& scores) const {
    return (on_logits_ ? logits : scores).detach();
  }
  // Adds the totals that the router declares, after those of any other policy.
  void declare(Traits& traits) const;
  // Adds these totals. values [T, n]: without the bias; biased: with it.
  void add_to(Routing& routing, const Tensor& values, const Tensor& biased,
              const Tensor& bias) const;
  // Updates the bias [n].
  void after_step(const Tensor& bias, const StepLoad& load) const;

 private:
  enum class Kind { sign, proportional, quantile, histogram };
  std::string rule() const;  // in words
  Tensor quantiles(const Tensor& lack) const;
  Tensor counts(const Tensor& lack, const Tensor& bias) const;
  std::vector<double> mean_quantile(const StepLoad& load) const;
  std::vector<double> pooled_quantile(const std::vector<real>& bias, const StepLoad& load) const;

  Kind kind_ = Kind::sign;
  bool on_logits_ = false;
  index k_, experts_, all_, bins_ = 0;
  double speed_ = 0, average_ = 0, real_ = 0;
};

}  // namespace moesim
