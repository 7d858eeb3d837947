// The arrangement for the emulation: each repetition has another order of threads, and in the first
// one the host cannot touch device memory.
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
