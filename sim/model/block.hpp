// Block is a pre-norm transformer block: a sequence of branches, each behind a norm.
#pragma once

#include "sim/model/branch.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moesim {

class Block : public Module {
 public:
  // first_site: random stream of dropout (Context::stream); branch i uses site first_site + i.
  explicit Block(double dropout, index first_site = 1)
      : dropout_(dropout), first_site_(first_site) {}
  // Appends a branch. norm: of its input; null: none. Parameters are named `norm_name` and `name`.
  void append(std::string name, std::unique_ptr<Branch> branch, std::string norm_name = {},
              std::unique_ptr<Norm> norm = nullptr);
  // For every branch in order: x + branch(norm(x)). -> [T, D]
  Tensor forward(const Tokens& tokens, std::vector<Loss>& losses);

  double flops_per_token(index length) const;
  // The MoE layer of this block; null: none.
  MoeLayer* moe() const;
  const Expert* feed_forward() const;
  // The ordinary attention of this block; null: none.
  const SelfAttention* attention() const;

 private:
  struct Part {
    std::unique_ptr<Norm> norm;
    std::unique_ptr<Branch> branch;
  };
  std::vector<Part> parts_;
  double dropout_;
  index first_site_;
};

// BlockBank is a bank of whole blocks as experts. Row i of expert e passes through block e,
// together with the other rows of its sequence that expert e received (mixture of depths with one
// block: Raposo et al. 2024).
class BlockBank : public Expert {
 public:
  BlockBank(const ExpertSite& site, index length, std::vector<std::unique_ptr<Block>> blocks);
  Tensor forward(const Rows& rows) const override;
  double flops_per_row() const override { return blocks_.front()->flops_per_token(length_); }
  double kept_values_per_row() const override;

 private:
  index length_;
  std::vector<std::unique_ptr<Block>> blocks_;
};

}  // namespace moesim
