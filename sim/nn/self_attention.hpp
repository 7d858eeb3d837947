// SelfAttention is multi-head self-attention (Vaswani et al. 2017), with fewer heads for keys and
// values if the model says so.
#pragma once

#include "sim/config/names.hpp"
#include "sim/nn/layers.hpp"
#include "sim/nn/module.hpp"

#include <memory>

namespace moesim {

struct Context;
struct Past;

// QkNorm is the RMS norm of queries and keys, before rotary positions (Henry et al. 2020; Dehghani
// et al. 2023): none; of each head, with one gain for all heads (Qwen3); or over all heads (OLMoE).
enum class QkNorm { none, head, all };
inline constexpr Named<QkNorm> kQkNorms[] = {
    {"none", QkNorm::none}, {"head", QkNorm::head}, {"all", QkNorm::all}};

struct AttentionConfig {
  index width = 0, heads = 0;
  index kv_heads = 0;    // heads of keys and values; 0: heads
  index head_width = 0;  // 0: width / heads
  QkNorm qk_norm = QkNorm::none;
  bool causal = true, rotary = false, bias = false;
  double output_scale = 1;
};

// With H heads, G heads of keys and values, and head width d: queries [H d], keys [G d] and values
// [G d] are one projection of x. A head of keys and values serves H / G consecutive heads
// (grouped-query attention, Ainslie et al. 2023; G = 1: multi-query attention, Shazeer 2019).
class SelfAttention : public Module {
 public:
  explicit SelfAttention(const AttentionConfig& config);
  // Adds `residual`, if there is one. position [batch·length]: places of the tokens, for rotary;
  // empty: 0, 1, ... context: as in LinearLayer.
  Tensor forward(const Tensor& x, index batch, index length, const Tensor& residual = {},
                 const Indices& position = {}, const Context* context = nullptr) const;
  // The same, causally, for new tokens of texts whose earlier tokens are in `past`. x [N, width]:
  // texts says which rows belong to each. position [N].
  Tensor extend(const Tensor& x, const Segments& texts, const Tensor& residual,
                const Indices& position, Past& past, const Context* context = nullptr) const;
  // Mean forward FLOPs per token of a sequence of this length.
  double flops_per_token(index length) const;
  // Number of values per token that a training pass keeps for the backward pass: queries, keys,
  // values, the sums of values, and what these are made of.
  double kept_values_per_token() const;

 private:
  bool is_plain() const;
  Indices sources(Backend& backend) const;
  Tensor expanded(const Tensor& qkv) const;
  Tensor projected(const Tensor& x, const Context* context) const;
  Tensor rotated(const Tensor& qkv, const Indices& position) const;

  index width_, heads_, kv_heads_, head_width_;
  QkNorm qk_norm_;
  bool causal_, rotary_;
  LinearLayer qkv_, output_;
  std::unique_ptr<Norm> q_norm_, k_norm_;
};

}  // namespace moesim
