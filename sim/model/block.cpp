#include "sim/model/block.hpp"

#include "sim/core/error.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>
#include <numeric>

namespace moesim {
namespace {

// Rows of one expert as sequences of tokens.
struct Pieces {
  std::vector<std::int32_t> row;     // by token
  std::vector<std::int32_t> token;   // of each of them
  std::vector<std::int32_t> offset;  // of the sequences
};

Pieces pieces_of(std::vector<std::int32_t> rows, const std::vector<std::int32_t>& token,
                 const std::vector<std::int32_t>& sequences) {
  const auto of = [&](std::int32_t row) { return token[static_cast<std::size_t>(row)]; };
  std::stable_sort(rows.begin(), rows.end(),
                   [&](std::int32_t a, std::int32_t b) { return of(a) < of(b); });
  Pieces pieces{std::move(rows), {}, {}};
  for (const std::int32_t row : pieces.row) pieces.token.push_back(of(row));
  for (const std::int32_t end : sequences)
    pieces.offset.push_back(static_cast<std::int32_t>(
        std::lower_bound(pieces.token.begin(), pieces.token.end(), end) - pieces.token.begin()));
  return pieces;
}

Segments segments_of(const std::vector<std::int32_t>& offset, Backend& backend) {
  const std::int32_t each = offset[1] - offset[0];
  bool equal = true;
  for (std::size_t s = 1; s + 1 < offset.size(); ++s)
    equal = equal && offset[s + 1] - offset[s] == each;
  return {.offset = Indices::of(offset, backend), .rows = offset.back(), .each = equal ? each : 0};
}

}  // namespace

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
    // Site 0 of dropout is the embedding's.
    x = add(x, dropout(y, dropout_, context.stream(Purpose::dropout, static_cast<index>(i) + 1)));
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

BlockBank::BlockBank(const ExpertSite& site, index length,
                     std::vector<std::unique_ptr<Block>> blocks)
    : Expert(site), length_(length), blocks_(std::move(blocks)) {
  for (std::size_t e = 0; e < blocks_.size(); ++e) child(std::to_string(e), *blocks_[e]);
}

Tensor BlockBank::forward(const Rows& rows) const {
  if (rows.tokens == nullptr || rows.merge)
    fail_in("moe.at = block",
            "this router mixes tokens or merges experts, and a block needs tokens");
  const Tokens& all = *rows.tokens;
  std::vector<Loss> losses;
  if (!rows.token && blocks_.size() == 1) return blocks_.front()->forward(all.with(rows.x), losses);
  Backend& backend = rows.x.backend();
  const std::vector<std::int32_t> offset = rows.segments.offset.to_host(),
                                  sequences = all.sequences.offset.to_host();
  std::vector<std::int32_t> token(static_cast<std::size_t>(rows.x.rows()));
  std::iota(token.begin(), token.end(), 0);
  if (rows.token) token = rows.token.to_host();
  std::vector<Tensor> outputs;
  std::vector<std::int32_t> order;  // of the rows of `outputs`
  for (std::size_t e = 0; e < blocks_.size(); ++e) {
    std::vector<std::int32_t> own(static_cast<std::size_t>(offset[e + 1] - offset[e]));
    if (own.empty()) continue;
    std::iota(own.begin(), own.end(), offset[e]);
    const Pieces pieces = pieces_of(std::move(own), token, sequences);
    Tokens given =
        all.subset(Indices::of(pieces.token, backend), segments_of(pieces.offset, backend));
    given.x = gather_rows(rows.x, Indices::of(pieces.row, backend));
    outputs.push_back(blocks_[e]->forward(given, losses));
    order.insert(order.end(), pieces.row.begin(), pieces.row.end());
  }
  if (!losses.empty()) fail_in("moe.at = block", "a block in a block has an auxiliary loss");
  if (outputs.empty()) return Tensor::zeros(rows.x.shape(), backend);
  return combine_rows(concat_rows(outputs), {}, Indices::of(order, backend), rows.x.rows());
}

}  // namespace moesim
