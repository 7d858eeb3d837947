#include "sim/moe/policies/format.hpp"

namespace moesim {

// Fedus et al. 2022, table 2: a router entirely in bfloat16 diverges, one in selective precision
// does not.
Format::Format(Options& options)
    : rounded_(
          options.choice("precision", "float32", {"float32", "bfloat16"},
                         "type of input, weights, logits, probabilities and gates; bfloat16 rounds "
                         "each, which is less stable") == "bfloat16") {
  if (rounded_)
    options.explain(Topic::scores, "the router rounds every value that it computes to bfloat16");
}

}  // namespace moesim
