// Runs the same calls on the CUDA and the CPU backend and compares the values, and repeats them to
// compare bits.
#pragma once

#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/moe/variants.hpp"
#include "tests/cuda/arrange.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tolerance.hpp"

#include <functional>
#include <string>
#include <vector>

namespace moesim::testing {

// Returns the first card, or null after printing that the case is skipped, and why.
Backend* card(const char* test_case);

// Returns the same, or null if this build's compiler has no graph replay
// (sim/backend/cuda/queue.hpp).
Backend* card_that_replays(const char* test_case);

// True if a case of many trainings is left to the other number type, which it then prints. Under the
// emulation, where each of them takes minutes, double proves the values and float the replays.
bool left_to_other_type(const char* test_case, bool wants_double);

// Lab is one run of kernels on a backend. Arrays are created and filled identically on every
// backend. The outputs (`out`, `ints_out`) are compared, including a few places after the end that
// must not be written.
class Lab {
 public:
  explicit Lab(Backend& backend) : backend_(backend) {}
  Backend& backend() { return backend_; }

  // Returns n values that depend only on the order of calls; scale them to the kernel's domain.
  real* in(index n, double low = -2, double high = 2);
  real* in(const std::vector<real>& values);
  i32* ints(const std::vector<i32>& values);
  real* out(index n);  // filled as by `in`, for kernels that add
  i32* ints_out(index n);
  // Adds another value to compare.
  void report(double value) { reports_.push_back(value); }

  struct Result {
    std::vector<std::vector<real>> reals;
    std::vector<std::vector<i32>> ints;
    std::vector<double> reports;
    bool operator==(const Result&) const = default;  // no NaN is ever compared
  };
  Result result() const;

 private:
  Backend& backend_;
  std::vector<Storage> held_;
  std::vector<std::pair<std::size_t, index>> reals_, ints_;  // place in held_, size
  std::vector<double> reports_;
  std::uint64_t key_ = 0;
};

// Runs run(lab) on both backends: values agree within `allowed`, integers exactly; repetitions on
// the device give the same bits.
void agree(Backend& cuda, double allowed, const std::function<void(Lab&)>& run);

// Returns the variants of a router to run: all; under the emulation, where each takes seconds, its
// defaults and first variant, unless MOESIM_EMULATED_VARIANTS is set.
std::vector<Variant> variants_to_run(const std::string& router);

// Returns training settings that select this variant of the router.
std::vector<std::string> settings_of(const std::string& router, const Variant& variant);

// Relative tolerance (tests/support/tolerance.hpp) for sums of k terms, with headroom for another
// order of summation.
inline double allowed(index k = 1) { return kDouble ? 1e-10 : 4 * tolerance(k); }

}  // namespace moesim::testing
