// Counterfactuals evaluates what the loss of a token would be if one MoE layer had sent it to other
// experts, with all else fixed.
//
// What is fixed: the plans of all other layers, before and behind, and of all other tokens, as the
// batch had them, with their gates. The gates of the token stay, too: its i-th expert is replaced,
// and its i-th gate is not. So no router decides anew. What changes is the token's own output of the
// layer, and all that later layers compute from it.
#pragma once

#include "sim/core/error.hpp"
#include "sim/model/transformer.hpp"
#include "sim/task/task.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace moesim {

// NoCounterfactual says why a model has no counterfactuals.
class NoCounterfactual : public Error {
 public:
  explicit NoCounterfactual(const std::string& why) : Error(Exit::usage, why) {}
};

// A row of expert compute: a token that the expert takes, in the order of the plan.
struct PlannedRow {
  std::int32_t expert = 0, token = 0;  // token: its position in the sequence
  double gate = 1, scale = 1;          // Assignment::gate, scale
};

// LayerPlan is the plan of one MoE layer for a batch, on the host, by sequence.
struct LayerPlan {
  std::vector<std::vector<PlannedRow>> rows;  // of each sequence, by expert
  bool gated = false, scaled = false;
  index experts = 0;
  Tensor bypass, addend;     // [T], [T, D]; may be empty
  std::vector<real> scores;  // [T, columns]; may be empty
  index columns = 0;
};

// Sends a token of a layer to these experts: the i-th in place of its i-th (experts_of).
struct Alternative {
  index sequence = 0, position = 0;
  std::vector<std::int32_t> experts;
};

class Counterfactuals {
 public:
  // Runs the batch once and keeps its plans. Arguments must outlive it. Throws
  // NoCounterfactual if the model has other plans than assignments.
  Counterfactuals(Transformer& model, const Example& example, const Context& context,
                  Backend& backend);

  std::size_t layers() const { return plans_.size(); }
  index experts(std::size_t layer) const { return plans_[layer].experts; }
  // The loss of every row of the logits as decided, 0 for rows without a target. [T]
  const std::vector<real>& losses() const { return losses_; }
  // The experts that take a token in a layer, by falling gate, ties by number.
  std::vector<std::int32_t> experts_of(std::size_t layer, index sequence, index position) const;
  // The scores of a token for the experts of a layer; empty if its router has none. [E]
  std::span<const real> scores_of(std::size_t layer, index sequence, index position) const;
  // The losses of these tokens under the alternatives. Each runs in a copy of its sequence.
  std::vector<double> losses(std::size_t layer, std::span<const Alternative> alternatives);

 private:
  std::vector<double> losses_of_copies(std::size_t layer, std::span<const Alternative> copies);

  Transformer& model_;
  Backend& backend_;
  Context context_;
  index length_;
  std::vector<std::int32_t> ids_, targets_;
  std::vector<real> losses_;
  std::vector<LayerPlan> plans_;
};

}  // namespace moesim
