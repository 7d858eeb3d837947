// Sums the gradients of a step's micro-batches by a fixed binary tree over their numbers.
//
// Neighbours are added first (0 + 1, 2 + 3, ...), then neighbouring sums, and so on; a sum that has
// no partner moves up unchanged. The order depends on the number of micro-batches alone, so the
// bits do not depend on where each of them is computed.
#pragma once

#include "sim/nn/module.hpp"

#include <functional>
#include <vector>

namespace moesim {

// Partial sums on a stack, as the digits of a binary counter: the two on top are added while they
// are over equally many micro-batches.
class GradientTree {
 public:
  // The gradients of the next micro-batch, one per parameter; an empty tensor counts as zero. Takes
  // them over: their memory may be written.
  void add(std::vector<Tensor> gradients);
  // The sums over all that was added since the last call.
  std::vector<Tensor> take();

 private:
  struct Sum {
    index parts;
    std::vector<Tensor> gradients;
  };
  void join();
  std::vector<Sum> stack_;
};

// The most gradients of a parameter that exist at a time while `parts` are summed:
// floor(log2(parts)) + 1.
index gradient_buffers(index parts);

// Calls pass(0), ..., pass(parts - 1), each of which finds the parameters without gradients and
// leaves its own, and leaves the sums. One part costs nothing: its gradients are the sums.
void sum_gradients(const std::vector<Parameter>& parameters, index parts,
                   const std::function<void(index part)>& pass);

}  // namespace moesim
