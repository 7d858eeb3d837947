// Tests the memory pool and memory reserved for replayed graphs.
#include "sim/core/storage.hpp"

#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <vector>

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

TEST_CASE("reserve: every round gets the same blocks, and nobody else does", "[core]") {
  CpuBackend cpu(1);
  const auto unlike = [](const Storage& block, const std::vector<void*>& others) {
    return std::find(others.begin(), others.end(), block.data()) == others.end();
  };
  Storage left, later;
  {
    Reserve reserve(cpu);
    std::vector<void*> first;
    for (int round = 0; round < 3; ++round) {
      Storage kept;
      {
        const Reserve::Round memory(reserve);
        std::vector<void*> got;
        {
          const Storage a = cpu.allocate(1000), b = cpu.allocate(5000);
          got = {a.data(), b.data()};
        }
        kept = cpu.allocate(1000);  // may be where `a` was
        got.push_back(kept.data());
        if (round == 0) first = got;
        CHECK(got == first);
        CHECK(memory.complete());
      }
      if (round == 0) left = kept;  // and is still there when the next round takes its block
      for (const std::size_t size : {1000, 5000}) CHECK(unlike(cpu.allocate(size), first));
    }
    // A round with other allocations fails, and is not complete.
    for (const std::size_t size : {2000, 1000}) {
      const Reserve::Round memory(reserve);
      if (size == 2000)
        CHECK_THROWS_AS(cpu.allocate(size), Error);
      else
        later = cpu.allocate(size);
      CHECK_FALSE(memory.complete());
    }
    CHECK(left.data() == later.data());
  }
  // What is in use outlives the reserve: here it is one block with two handles.
  const void* p = left.data();
  left = {};
  CHECK(unlike(cpu.allocate(1000), {later.data()}));
  later = {};
  std::vector<Storage> all;
  for (int i = 0; i < 3; ++i) all.push_back(cpu.allocate(1000));
  CHECK(std::any_of(all.begin(), all.end(), [=](const Storage& s) { return s.data() == p; }));
}

}  // namespace moesim::testing
