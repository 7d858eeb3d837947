#include "sim/model/block.hpp"

#include "sim/core/error.hpp"
#include "sim/moe/nested.hpp"
#include "sim/ops/ops.hpp"

#include <string>
#include <utility>

namespace moesim {

void Block::append(std::string name, std::unique_ptr<Branch> branch, std::string norm_name,
                   std::unique_ptr<Norm> norm) {
  if (norm) child(std::move(norm_name), *norm);
  child(std::move(name), branch->module());
  parts_.push_back({std::move(norm), std::move(branch)});
}

Tensor Block::forward(const Tokens& tokens, std::vector<Loss>& losses) {
  const Context& context = tokens.context;
  Tensor x = tokens.x;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const auto& [norm, branch] = parts_[i];
    const Tokens input = tokens.with(norm ? norm->forward(x) : x);
    if (!context.training || dropout_ == 0) {
      x = branch->forward(input, x, losses);
      continue;
    }
    const Tensor y = branch->forward(input, {}, losses);
    x = add(x, dropout(y, static_cast<real>(dropout_),
                       context.stream(Purpose::dropout, first_site_ + static_cast<index>(i))));
  }
  return x;
}

double Block::flops_per_token(index length) const {
  double flops = 0;
  for (const Part& part : parts_) flops += part.branch->flops_per_token(length);
  return flops;
}

MoeLayer* Block::moe() const {
  for (const Part& part : parts_)
    if (part.branch->moe() != nullptr) return part.branch->moe();
  return nullptr;
}

const Expert* Block::feed_forward() const {
  for (const Part& part : parts_)
    if (part.branch->feed_forward() != nullptr) return part.branch->feed_forward();
  return nullptr;
}

const SelfAttention* Block::attention() const {
  for (const Part& part : parts_)
    if (part.branch->attention() != nullptr) return part.branch->attention();
  return nullptr;
}

BlockBank::BlockBank(const ExpertSite& site, index length,
                     std::vector<std::unique_ptr<Block>> blocks)
    : Expert(site), length_(length), blocks_(std::move(blocks)) {
  for (std::size_t e = 0; e < blocks_.size(); ++e) child(std::to_string(e), *blocks_[e]);
}

// The inputs of both parts, their normalised forms, and what attention and network keep.
double BlockBank::kept_values_per_row() const {
  return 4 * static_cast<double>(site().width) +
         blocks_.front()->attention()->kept_values_per_token() +
         blocks_.front()->feed_forward()->kept_values_per_row();
}

Tensor BlockBank::forward(const Rows& rows) const {
  if (rows.tokens == nullptr || rows.merge)
    fail_in("moe.at = block",
            "this router mixes tokens or merges experts, and a block needs tokens");
  const Tokens& all = *rows.tokens;
  std::vector<Loss> losses;
  if (!rows.token && blocks_.size() == 1) return blocks_.front()->forward(all.with(rows.x), losses);
  const std::vector<Share> shares = shares_of(all, rows.token, rows.segments);
  std::vector<Tensor> outputs;
  std::vector<std::int32_t> order;  // row of `outputs` for each row
  for (std::size_t e = 0; e < blocks_.size(); ++e) {
    const std::vector<std::int32_t> own = shares[e].row.to_host();
    if (own.empty()) continue;
    outputs.push_back(blocks_[e]->forward(shares[e].tokens, losses));
    order.insert(order.end(), own.begin(), own.end());
  }
  if (!losses.empty()) fail_in("moe.at = block", "a block in a block has an auxiliary loss");
  Backend& backend = rows.x.backend();
  if (outputs.empty()) return Tensor::zeros(rows.x.shape(), backend);
  return combine_rows(concat_rows(outputs), {}, Indices::of(order, backend), rows.x.rows());
}

}  // namespace moesim
