// BlockMaker makes the blocks of a transformer from its settings.
#pragma once

#include "sim/model/architecture.hpp"
#include "sim/model/block.hpp"

#include <memory>
#include <string>

namespace moesim {

class BlockMaker {
 public:
  // site: of the current block; its layer and before change from block to block. hidden: hidden
  // width of the MoE layers' experts. The maker keeps references to config and settings.
  BlockMaker(const ModelConfig& config, Settings& settings, const Site& site, bool causal,
             index hidden)
      : site(site), config_(config), settings_(settings), causal_(causal), hidden_(hidden) {}

  // A block of attention and feed-forward network. Dropout uses site 0 for the embedding, and the
  // next two for a block of two branches.
  std::unique_ptr<Block> dense(index first_site = 1) const;
  // A block with an MoE layer in the place that moe.at names.
  std::unique_ptr<Block> sparse() const;

  Site site;

 private:
  double output_scale() const;
  std::unique_ptr<Norm> norm() const;
  std::unique_ptr<Expert> bank(const std::string& name, const std::string& section, index experts,
                               index own_hidden, index own_width) const;
  // The same for a bank of an MoE layer, whose hidden values have dropout.
  std::unique_ptr<Expert> routed_bank(index experts, index own_hidden, index own_width,
                                      index number) const;
  // The experts of a router, each of hidden width `width`.
  std::unique_ptr<Expert> experts_of(const Router& router, index width) const;
  std::unique_ptr<Branch> attention() const;
  std::unique_ptr<Branch> feed_forward() const;
  std::unique_ptr<Branch> moe() const;
  void require_blocks_fit(const Router& router) const;

  const ModelConfig& config_;
  Settings& settings_;
  bool causal_;
  index hidden_;
};

}  // namespace moesim
