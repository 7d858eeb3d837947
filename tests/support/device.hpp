// Returns the device of cases that run on any device: MOESIM_TEST_DEVICE ("cuda:0"), else the CPU.
#pragma once

#include "sim/backend/backend.hpp"

#include <cstdlib>
#include <memory>

namespace moesim::testing {

inline std::unique_ptr<Backend> make_test_backend(int threads) {
  const char* device = std::getenv("MOESIM_TEST_DEVICE");
  return make_backend(device != nullptr ? device : "cpu", threads);
}

}  // namespace moesim::testing
