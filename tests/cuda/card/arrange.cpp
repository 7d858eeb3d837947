// The arrangement for a real card: the order of threads cannot be chosen.
#include "tests/cuda/arrange.hpp"

namespace moesim::testing {

bool emulated() { return false; }
int repetitions() { return 3; }
void arrange(int) {}

}  // namespace moesim::testing
