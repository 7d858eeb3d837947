// Computes attention for routers of attention heads, from given queries, keys and values, with
// rotary or relative positions.
#pragma once

#include "sim/config/options.hpp"
#include "sim/moe/routing.hpp"

#include <vector>

namespace moesim {

// The heads of an attention.
struct Heads {
  const void* owner = nullptr;  // of its weights: the key of its cache (Past::cache_of)
  index heads = 0;
  index kv_heads = 0;  // consecutive heads with the same keys and values count once; 0: heads
  bool causal = true;
};

// softmax(q kᵀ / √d) v within each sequence, per head; with Context::past, of new tokens over the
// whole text. qkv [T, 3·heads·d], or q, k, v [T, heads·d] -> [T, heads·d]
Tensor attend(const Tensor& qkv, const Tokens& tokens, const Heads& heads);
Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Tokens& tokens,
              const Heads& heads);

// The load of a custom plan, for the record: reads the demand on the host.
std::vector<double> load_of(const Indices& demand);

// Mean FLOPs per token of scores and sums over visible keys, for heads of this width in all.
double attention_flops(index width, index length, bool causal);

// HeadPositions is attention with rotary positions on a part of every head (Su et al. 2021), or
// with relative ones (Dai et al. 2019, with one query for content and position).
class HeadPositions {
 public:
  // Reads `positions`, `rotated` and `rotary_base`, for heads of this width.
  HeadPositions(Options& options, index head_width, bool causal);

  bool relative() const { return relative_; }
  // w [D, heads·d]: of relative positions, r_p = pe(p) w with the sinusoids of Vaswani et al. 2017.
  //   relative:  softmax((q·k + q·r_{j-i}) / √d) v     rotary: softmax(q·k / √d) v, q and k rotated
  Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& w,
                const Tokens& tokens, index heads) const;

 private:
  Tensor rotate(const Tensor& x, const Tokens& tokens, index heads) const;
  Tensor attend_relative(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& w,
                         const Tokens& tokens, index heads) const;

  bool relative_ = false, causal_ = true;
  index rotated_ = 0;
  double base_ = 0;
};

}  // namespace moesim
