// TraceMonitor lists the assignments of all MoE layers in one step or in the batches of a text.
#pragma once

#include "sim/model/transformer.hpp"
#include "sim/moe/trace.hpp"
#include "sim/task/task.hpp"

#include <vector>

namespace moesim {

// StepTrace is the trace of one step: tokens count through its passes (micro-batches), row b·S + s
// of all its sequences.
struct StepTrace {
  index tokens = 0;
  index length = 0;                   // S
  index pass_tokens = 0;              // of the largest pass: those that share a batch
  std::vector<LayerTrace> layers;     // rows sorted by expert, the served ones of an expert first
  std::vector<std::int32_t> ids;      // [tokens]; empty for data without token ids
  std::vector<std::int32_t> domains;  // [tokens]; empty for data without domains
  std::vector<double> losses;  // [tokens] of route: at each token, NaN without a target; or empty
  bool fixed = false;          // Traits::fixed_choices of all layers
};

class TraceMonitor {
 public:
  explicit TraceMonitor(const Transformer& model);

  // Traces the pass with this context and this example, after what on_routing does already.
  void attach(Context& context, const Example& example);
  // The trace of all passes so far.
  StepTrace take();

 private:
  const Transformer& model_;
  StepTrace trace_;
  std::size_t layer_ = 0;  // next one of the current pass
  index first_ = 0;        // token of the current pass
};

}  // namespace moesim
