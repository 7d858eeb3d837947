// Checks a kernel: values against a naive twin, accumulation against overwriting, no writes outside
// the output, and the same bits for every number of threads.
#pragma once

#include "sim/backend/cpu/cpu_backend.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tolerance.hpp"

#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace moesim::testing {

using Reals = std::vector<real>;
using Doubles = std::vector<double>;

inline CpuBackend& backend() {
  static CpuBackend cpu;
  return cpu;
}

// Returns n uniform values that depend on the key.
inline Reals random_reals(std::uint64_t key, index n, double low = -2, double high = 2) {
  const Stream stream{key, Purpose::synthetic, 0, 0};
  Reals values(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<real>(low + (high - low) * random_uniform(stream, i));
  return values;
}

inline Doubles to_double(const Reals& x) { return {x.begin(), x.end()}; }

inline void require_close(const Reals& got, const Doubles& want, double allowed) {
  REQUIRE(got.size() == want.size());
  double worst = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (static_cast<double>(got[i]) == want[i]) continue;  // infinities
    const double error = std::abs(got[i] - want[i]) / std::max(1.0, std::abs(want[i]));
    if (!(error <= worst)) {  // NaN counts
      worst = error;
      at = i;
    }
    if (std::isnan(error)) break;
  }
  if (worst > allowed || std::isnan(worst))
    FAIL("place " + std::to_string(at) + ": got " + std::to_string(got[at]) + ", want " +
         std::to_string(want[at]) + ", error " + std::to_string(worst / allowed) +
         " times the tolerance");
}

// Calls kernel(backend, y, acc) with every kind of output: overwriting (over NaN, so that unwritten
// values show) and, if `accumulates`, accumulating; with 1, 2, 3 and 7 threads.
template <class Kernel>
void check_kernel(const Doubles& want, double allowed, bool accumulates, Kernel kernel) {
  const std::size_t n = want.size();
  const real guard = 123;
  for (const bool acc : {false, true}) {
    if (acc && !accumulates) continue;
    const Reals start = acc ? random_reals(99, static_cast<index>(n))
                            : Reals(n, std::numeric_limits<real>::quiet_NaN());
    Doubles expected = want;
    for (std::size_t i = 0; i < n && acc; ++i) expected[i] += start[i];
    Reals first;
    for (const int threads : {1, 2, 3, 7}) {
      backend().set_threads(threads);
      Reals y = start;
      y.push_back(guard);
      kernel(backend(), y.data(), acc);
      REQUIRE(y.back() == guard);
      y.pop_back();
      if (threads == 1) {
        require_close(y, expected, allowed);
        first = y;
      } else {
        REQUIRE((n == 0 || std::memcmp(y.data(), first.data(), n * sizeof(real)) == 0));
      }
    }
  }
}

}  // namespace moesim::testing
