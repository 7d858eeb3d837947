// Routing is the result of a router: a plan, auxiliary losses, scores and metrics, as plain data.
// One layer executes it (sim/moe/layer.hpp); recorder, statistics and cost model read it.
//
// Five words are never mixed: `logits` are raw; `scores` are normalised; a `gate` is the weight
// that is applied; `load` is rows per expert; `demand` is assignments before capacity.
#pragma once

#include "sim/core/tensor.hpp"
#include "sim/ops/linear.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace moesim {

class Expert;
struct Context;

// Tokens are the input of a router: T tokens of width D, sequence after sequence.
struct Tokens {
  Tensor x;            // [T, D]
  Segments sequences;  // pieces of the T rows
  Indices ids;         // [T] token ids; empty where the data has none
  Indices position;    // [T] place in the sequence; empty: counted from its first row
  Context& context;
  // [T] in [0, 1]. At 1 a token makes all of its choices; below 1 its first choice counts as a
  // second one; at 0 it is padding and makes none (the `importance` of Mesh TensorFlow's
  // hierarchical mixture, Shazeer et al. 2018). Empty: 1.
  Tensor importance = {};
  Indices domain = {};  // [T] number of each token's domain, its task; empty: not known

  index batch() const { return sequences.pieces(); }
  // Length of each sequence; fails if sequences differ in length, or may.
  index length() const;
  // The same tokens with other values.
  Tokens with(const Tensor& values) const {
    return {values, sequences, ids, position, context, importance, domain};
  }
  // A subset as sequences of its own: row i is token[i] of these. Gradients flow back.
  Tokens subset(const Indices& token, const Segments& pieces) const;
  // [T] position of every token in its sequence.
  Indices positions() const;
};
// B sequences of S tokens each, row b·S + s.
Tokens tokens_of(const Tensor& x, index batch, index length, const Indices& ids, Context& context);

// DemandList is every assignment that tokens ask for, served or dropped, in the order in which places are
// given. Only the order of those of one expert in one group of tokens matters.
struct DemandList {
  struct Row {
    std::int32_t token = 0, expert = 0;
    std::int32_t choice = 0;  // which of its token's choices it is, from 0; -1: by its gate
    bool served = true;
    double gate = 1;  // a dropped one has the gate of its choice
  };
  std::vector<Row> rows;
};

// Assignment sends whole tokens to experts: row i of the N sorted rows is token[i], and belongs to
// the expert whose segment holds i. A dropped assignment has no row; padding rows (token -1) follow
// the last segment.
//   y[t] = Σ_{i: token[i] = t} gate[i] · expert(scale[i] · x[t])  +  bypass[t] · x[t]  +  addend[t]
struct Assignment {
  Indices token = {};  // [N], -1: padding; empty: row i is token i
  Segments experts = {};
  Tensor gate = {};     // [N]; empty: 1
  Indices demand = {};  // [E] assignments before capacity; empty: as served
  index places = 0;     // most rows that an expert takes from a sequence; 0: no limit
  Tensor bypass = {};   // [T] weight of x itself; empty: 0
  Tensor addend = {};   // [T, D] added to the output; empty: 0
  Tensor scale = {};    // [N] factor on an expert's input; empty: 1
  // For traces (Context::traced), on the host. Null: nothing is dropped, and rows of an expert are
  // served in their order.
  std::shared_ptr<const DemandList> demanded = {};
};

// Mixing feeds experts with weighted means of tokens ("slots"). Tokens form G groups of S; each
// group has P slots, p per expert, expert-major.
//   slots[g] = dispatch[g]ᵀ · x[g]     y[g] = combine[g] · expert(slots[g])
struct Mixing {
  Tensor dispatch, combine;  // [G, S, P] each
  index slots_per_expert = 1;
  Indices order;  // [G·S] token at each place of the groups, -1: empty place; empty: tokens in
                  // their order
  Tensor x = {};  // [T, D] what is mixed instead of the tokens, e.g. normalised ones; empty: tokens
};

// Merging runs each group of consecutive rows on one merged expert: W[g] = Σ_e weights[g, e] · W_e.
struct Merging {
  Tensor weights;   // [G, E]
  Segments groups;  // G pieces of the T tokens
};

// Custom is any other function of the tokens and the experts; it reports its own load.
struct Custom {
  std::function<Tensor(const Tensor& x, const Expert& expert)> apply;
  std::vector<double> load;  // [E]
};

// An auxiliary loss by name; weight · value is added to the training loss.
struct Loss {
  std::string name;
  double weight = 0;
  Tensor value;  // [1]
};

// A number of the router for the record, e.g. its sparsity: router_NAME (record, layer).
struct Metric {
  std::string name;  // letters, digits and _
  Tensor value;      // [1]
};

struct Routing {
  std::variant<Assignment, Mixing, Merging, Custom> plan;
  Tensor scores = {};  // [T, E] (merging: [G, E]), recorded; may be empty
  std::vector<Loss> losses = {};
  std::vector<Metric> metrics = {};
  std::vector<Tensor> totals = {};  // summed over the step's micro-batches for after_step()
  Tensor carry = {};  // for the next MoE layer of the pass (Context::carry); may be empty
};

// "assignment", "mixing", "merging" or "custom".
std::string plan_name(const Routing& routing);

}  // namespace moesim
