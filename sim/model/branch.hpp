// Branch is a part of a block that adds to the residual stream: x + branch(norm(x)).
#pragma once

#include "sim/moe/layer.hpp"
#include "sim/nn/self_attention.hpp"

#include <memory>
#include <vector>

namespace moesim {

class Branch {
 public:
  virtual ~Branch() = default;
  // The output for these tokens, plus `residual` if there is one. Appends auxiliary losses. -> [T,
  // D]
  virtual Tensor forward(const Tokens& tokens, const Tensor& residual,
                         std::vector<Loss>& losses) = 0;
  // Mean forward FLOPs per token of a sequence of this length.
  virtual double flops_per_token(index length) const = 0;
  // The module with its parameters.
  virtual const Module& module() const = 0;
  // The MoE layer of this branch; null for other branches.
  virtual MoeLayer* moe() const { return nullptr; }
  virtual const Expert* feed_forward() const { return nullptr; }
  virtual const SelfAttention* attention() const { return nullptr; }
};

// Self-attention within each sequence; sequences of different lengths are processed one by one.
class AttentionBranch : public Branch {
 public:
  explicit AttentionBranch(const AttentionConfig& config) : attention_(config) {}
  Tensor forward(const Tokens& tokens, const Tensor& residual, std::vector<Loss>& losses) override;
  double flops_per_token(index length) const override { return attention_.flops_per_token(length); }
  const Module& module() const override { return attention_; }
  const SelfAttention* attention() const override { return &attention_; }

 private:
  SelfAttention attention_;
};

// A feed-forward network: an expert bank with E = 1.
class FeedForwardBranch : public Branch {
 public:
  explicit FeedForwardBranch(std::unique_ptr<Expert> network) : network_(std::move(network)) {}
  Tensor forward(const Tokens& tokens, const Tensor& residual, std::vector<Loss>& losses) override;
  double flops_per_token(index) const override { return network_->flops_per_row(); }
  const Module& module() const override { return *network_; }
  const Expert* feed_forward() const override { return network_.get(); }

 private:
  std::unique_ptr<Expert> network_;
};

// An MoE layer, with any kind of experts.
class MoeBranch : public Branch {
 public:
  explicit MoeBranch(std::unique_ptr<MoeLayer> layer) : layer_(std::move(layer)) {}
  Tensor forward(const Tokens& tokens, const Tensor& residual, std::vector<Loss>& losses) override;
  double flops_per_token(index length) const override;
  const Module& module() const override { return *layer_; }
  MoeLayer* moe() const override { return layer_.get(); }

 private:
  std::unique_ptr<MoeLayer> layer_;
};

}  // namespace moesim
