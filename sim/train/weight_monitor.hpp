// WeightMonitor collects the weights of mixings and mergings in the passes of `moesim route`.
#pragma once

#include "sim/model/transformer.hpp"
#include "sim/moe/weight_map.hpp"
#include "sim/task/task.hpp"

#include <string>
#include <vector>

namespace moesim {

// PassWeights is what one MoE layer did in one pass; sequences and tokens count through all passes.
template <typename Map>
struct PassWeights {
  index layer = 0;  // its block
  index first = 0;  // the pass's first sequence (mixing), its first token (merging)
  Map map;
};

struct RoutedWeights {
  std::string plan;  // plan_kind of the file: of all layers
  std::vector<PassWeights<MixingMap>> mixings;
  std::vector<PassWeights<MergingMap>> mergings;
  index sequences = 0;     // of mixings, in all passes
  index written = 0;       // those that `mixings` has: the first ones
  double bytes_each = 0;   // of one sequence, in all layers
  bool unordered = false;  // a mixing's groups are not sequences
};

class WeightMonitor {
 public:
  // most_bytes: of the weights of mixings. Whole sequences are kept, from the first.
  WeightMonitor(const Transformer& model, double most_bytes)
      : model_(model), most_bytes_(most_bytes) {}

  // Adds the pass with this context and this example, after what on_routing does already.
  void attach(Context& context, const Example& example);
  const RoutedWeights& weights() const { return weights_; }

 private:
  void take(const Routing& routing, index sequences);

  const Transformer& model_;
  double most_bytes_;
  RoutedWeights weights_;
  std::size_t layer_ = 0;                   // next one of the current pass
  index first_token_ = 0, next_token_ = 0;  // of the current pass, of the next one
  index first_sequence_ = 0, take_ = 0;     // of the current pass; sequences that are kept of it
};

}  // namespace moesim
