// Block is a pre-norm transformer block: branches, one after the other, each behind a norm.
#pragma once

#include "sim/model/branch.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moesim {

class Block : public Module {
 public:
  // first_site: of its dropout (Context::stream); branch i has the site first_site + i.
  explicit Block(real dropout, index first_site = 1) : dropout_(dropout), first_site_(first_site) {}
  // Adds a branch behind those that there are. norm: of its input; null: the branch takes x as it
  // is. Parameters are named `norm_name` and `name`.
  void append(std::string name, std::unique_ptr<Branch> branch, std::string norm_name = {},
              std::unique_ptr<Norm> norm = nullptr);
  // x + branch(norm(x)) for every branch. -> [T, D]
  Tensor forward(const Tokens& tokens, std::vector<Loss>& losses);

  double flops_per_token(index length) const;
  // Null where there is none.
  MoeLayer* moe() const;
  const Expert* feed_forward() const;

 private:
  struct Part {
    std::unique_ptr<Norm> norm;
    std::unique_ptr<Branch> branch;
  };
  std::vector<Part> parts_;
  real dropout_;
  index first_site_;
};

// BlockBank makes experts of whole blocks: row i of expert e goes through block e together with the
// other rows of its sequence that e was given (mixture of depths: Raposo et al. 2024, of one
// block).
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
