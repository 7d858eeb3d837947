// GradientTree sums the gradients of a step's micro-batches by a fixed binary tree.
//
// Neighbours are added first (0 + 1, 2 + 3, ...), then neighbouring sums, and so on; a sum without
// a partner moves up unchanged. The order depends only on the number of micro-batches, so the bits
// do not depend on where each is computed.
#pragma once

#include "sim/nn/module.hpp"

#include <functional>
#include <vector>

namespace moesim {

// The partial sums form a stack, like the digits of a binary counter: the top two are added while
// they cover equally many micro-batches.
class GradientTree {
 public:
  // Adds the gradients of the next micro-batch, one per parameter; an empty tensor counts as zero.
  // May overwrite their memory.
  void add(std::vector<Tensor> gradients);
  // The sums over all gradients added since the last call.
  std::vector<Tensor> take();

 private:
  struct Sum {
    index parts;
    std::vector<Tensor> gradients;
  };
  void join();
  std::vector<Sum> stack_;
};

// Number of gradient buffers per parameter that exist at once while `parts` are summed:
// floor(log2(parts)) + 1.
index gradient_buffers(index parts);

// Calls pass(0), ..., pass(parts - 1), each of which computes the parameters' gradients from none,
// and leaves their sums in the parameters. With one part nothing is added or copied.
void sum_gradients(const std::vector<Parameter>& parameters, index parts,
                   const std::function<void(index part)>& pass);

}  // namespace moesim
