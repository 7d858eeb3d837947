#include "sim/core/storage.hpp"

#include "sim/backend/cpu/cpu_backend.hpp"
#include "tests/support/catch.hpp"

namespace moesim::testing {

TEST_CASE("pool: blocks come back, and serve sizes a little smaller", "[core]") {
  CpuBackend cpu(1);
  constexpr std::size_t kLarge = 1 << 20;
  const void* first = nullptr;
  {
    const Storage storage = cpu.allocate(kLarge);
    first = storage.data();
  }
  CHECK(cpu.allocations() == 1);
  {
    const Storage same = cpu.allocate(kLarge);
    CHECK(same.data() == first);
    const Storage second = cpu.allocate(kLarge);  // the first is in use
    CHECK(second.data() != first);
  }
  CHECK(cpu.allocations() == 2);
  {
    const Storage smaller = cpu.allocate(kLarge * 9 / 10);
    CHECK(smaller.bytes() == kLarge * 9 / 10);
  }
  CHECK(cpu.allocations() == 2);
  const Storage half = cpu.allocate(kLarge / 2);  // too small to waste a large block on
  CHECK(cpu.allocations() == 3);
  CHECK(cpu.held() >= 2 * kLarge + kLarge / 2);
}

// Rows left after drops differ from step to step: memory must not grow with the sizes met.
TEST_CASE("pool: sizes that wander do not add up", "[core]") {
  CpuBackend cpu(1);
  for (std::size_t step = 0; step < 100; ++step) {
    const std::size_t bytes = 1'000'000 - step * 997 % 160'000;
    const Storage a = cpu.allocate(bytes), b = cpu.allocate(bytes);
  }
  CHECK(cpu.held() <= 4 * 1'000'000 + 500'000);
}

}  // namespace moesim::testing
