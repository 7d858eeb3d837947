// Auxiliary losses are weighted terms that a router adds to the training loss. Each has one
// definition; its comment says where published code differs.
#pragma once

#include "sim/core/tensor.hpp"
#include "sim/moe/routing.hpp"

namespace moesim {

enum class Counted { all, first };           // choices that count in f
enum class Variance { population, sample };  // of the squared coefficient of variation

// Load balance (Fedus et al. 2022, eq. 4-6; Lepikhin et al. 2021): E/k · Σ_e f_e P_e, averaged over
// `groups` equal groups of tokens. f_e is the number of choices of e per token before capacity (of
// the k first choices, or of the first only, then k = 1 in the formula), P_e the mean score. 1 at
// perfect balance. Gradient flows through P only. Hugging Face's Mixtral and llm-random leave out
// 1/k (k at balance); GShard's paper leaves out E.
Tensor balance_loss(const Tensor& scores, const Indices& choice, index k, Counted counted,
                    index groups);

// The same with counts [E] of the k choices of `tokens` tokens, which may be others than those of
// the scores.
Tensor balance_loss(const Tensor& scores, const Tensor& counts, index k, index tokens);

// The load balance loss of a router: all k choices before drops, over the micro-batch. Empty if the
// weight is 0.
std::vector<Loss> weighted_balance(double weight, const Tensor& scores, const Indices& choice,
                                   index k);

// Number of choices of each expert, of the k choices per token or the first. scores [T, E]. -> [E]
Tensor choice_counts(const Tensor& scores, const Indices& choice, index k, Counted counted);

// Router z-loss (Zoph et al. 2022, eq. 5): mean over tokens of (log Σ_e exp l_e)².
Tensor z_loss(const Tensor& logits);

// CV² of the column sums of `weights` [T, E], averaged over `groups` equal groups (Shazeer et al.
// 2017, eq. 7; Riquelme et al. 2021). Shazeer's code and V-MoE use the population variance, the
// torch ports the sample variance.
Tensor importance_loss(const Tensor& weights, index groups, Variance variance);

// CV² of the smooth load Σ_t Φ((c[t, e] - threshold) / σ[t, e]): the probability that e is among
// the top k if its noise is drawn again (Shazeer et al. 2017, eq. 8-10). clean, noisy, deviation
// [T, E]; the choices are the k best of noisy. The threshold is the (k+1)-th largest noisy logit if
// e is chosen, else the k-th. k < E. davidmrau's port takes the thresholds from the scores and
// compares logits with them (`thresholds` [T, E]; empty: noisy).
Tensor load_loss(const Tensor& clean, const Tensor& noisy, const Tensor& deviation, index k,
                 Variance variance, const Tensor& thresholds = {});

// Localised balance (Dou et al. 2023, "LoRAMoE", equations 7 to 9): CV² over all entries of Q ⊙ I,
// where Q [B, E] are the gates [T, E] summed over the tokens of each of B sequences, and I [B, E]
// is 1 + δ for experts of the sequence's kind of task, else 1 - δ. It pushes groups of experts to
// kinds of tasks. Sample variance.
Tensor localised_balance_loss(const Tensor& gates, const Tensor& preference);

// Mean entropy of the rows of `scores`: -Σ_e p log p (used with top-p routing, Huang et al. 2024).
Tensor entropy_loss(const Tensor& scores);

// Negative entropy of the mean scores P_e: Σ_e P log P, the global entropy loss of LIMoE (Mustafa
// et al. 2022, section 2.2), without its threshold. With entropy_loss at the same weight it is
// minus the mutual information of tokens and experts (Mod-Squad, Chen et al. 2023).
Tensor marginal_entropy_loss(const Tensor& scores);

// How far the columns w_e of a router's weights [D, E] are from orthogonal.
//   cosine: mean over e, f of (ŵ_e · ŵ_f - [e = f])², ŵ = w / ‖w‖   ERNIE 4.5 (Baidu 2025)
//   gram:   Σ_{e, f} |w_e · w_f - [e = f]|                          SimBal (Omi et al. 2025)
enum class Orthogonality { cosine, gram };
Tensor orthogonality_loss(const Tensor& weight, Orthogonality form);

// Mean over experts of ‖w_e‖²: weight decay as a loss (Krogh and Hertz 1991), on the router alone.
Tensor weight_loss(const Tensor& weight);

// Balance of devices, each with E / D consecutive experts (DeepSeek-AI 2024, "DeepSeek-V2", eq.
// 23-31); 1 at balance. P'_i sums the P_e of a device.
//   device:         Σ_i f'_i P'_i    f'_i: mean of E/k f_e over its experts
//   communication:  Σ_i f''_i P'_i   f''_i: D/M · share of the tokens that have a choice on it,
//                                    M: the most devices of a token
Tensor device_balance_loss(const Tensor& scores, const Indices& choice, index k, index devices);
Tensor communication_loss(const Tensor& scores, const Indices& choice, index k, index devices,
                          index most);

}  // namespace moesim
