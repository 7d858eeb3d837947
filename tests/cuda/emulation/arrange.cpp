// Under the emulation threads run in the order that the repetition says, and in the first one
// device memory is closed.
#include "tests/cuda/arrange.hpp"

#include "cuda_runtime.h"

namespace moesim::testing {

bool emulated() { return true; }
int repetitions() { return 3; }
void arrange(int repetition) {
  constexpr emulation::Order kOrders[] = {emulation::Order::forward, emulation::Order::backward,
                                          emulation::Order::mixed};
  emulation::set_order(kOrders[repetition]);
  emulation::set_closed(repetition == 0);
}

}  // namespace moesim::testing
