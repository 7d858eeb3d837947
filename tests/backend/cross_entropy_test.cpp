// Tests cross-entropy, its gradient, and the count of correct predictions.
#include "tests/support/kernel_test.hpp"
#include "tests/support/naive.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

const index kLogits[][2] = {{0, 3}, {1, 1}, {3, 17}, {17, 3}, {64, 257}, {700, 64}, {3, 5001}};

// Every third row has no target.
std::vector<i32> targets(index rows, index cols) {
  std::vector<i32> target;
  for (index r = 0; r < rows; ++r)
    target.push_back(r % 3 == 2 ? -1 : static_cast<i32>(r * 7 % cols));
  return target;
}

}  // namespace

TEST_CASE("cross_entropy: loss and log-sum-exp of every row", "[backend]") {
  for (const auto& shape : kLogits) {
    const index rows = shape[0], cols = shape[1];
    const Reals x = random_reals(1, rows * cols, -5, 5);
    const auto target = targets(rows, cols);
    const Doubles exact = to_double(x);
    Doubles loss, lse;
    for (index r = 0; r < rows; ++r) {
      const double* row = exact.data() + r * cols;
      const i32 t = target[static_cast<std::size_t>(r)];
      lse.push_back(naive::log_sum_exp(row, cols));
      loss.push_back(t < 0 ? 0 : lse.back() - row[t]);
    }
    CAPTURE(rows, cols);
    Reals other(static_cast<std::size_t>(rows));
    check_kernel(loss, tolerance(cols), false, [&](Backend& b, real* to, bool) {
      b.cross_entropy(x.data(), target.data(), to, other.data(), rows, cols);
    });
    check_kernel(lse, tolerance(cols), false, [&](Backend& b, real* to, bool) {
      b.cross_entropy(x.data(), target.data(), other.data(), to, rows, cols);
    });
  }
}

TEST_CASE("cross_entropy: gradient, also in place", "[backend]") {
  for (const auto& shape : kLogits) {
    const index rows = shape[0], cols = shape[1];
    const Reals x = random_reals(1, rows * cols, -5, 5);
    const auto target = targets(rows, cols);
    const Doubles p = naive::softmax({rows, cols, 1}, 1, to_double(x));
    Doubles want;
    Reals lse;
    const Doubles exact = to_double(x);
    for (index r = 0; r < rows; ++r) {
      const i32 t = target[static_cast<std::size_t>(r)];
      lse.push_back(static_cast<real>(naive::log_sum_exp(exact.data() + r * cols, cols)));
      for (index c = 0; c < cols; ++c)
        want.push_back(
            t < 0 ? 0 : 0.25 * (p[static_cast<std::size_t>(r * cols + c)] - (c == t ? 1 : 0)));
    }
    CAPTURE(rows, cols);
    check_kernel(want, tolerance(), true, [&](Backend& b, real* dx, bool acc) {
      b.cross_entropy_backward(x.data(), target.data(), lse.data(), real(0.25), nullptr, dx, acc,
                               rows, cols);
    });
    const real half = real(0.5);
    Reals in_place = x;
    backend().cross_entropy_backward(in_place.data(), target.data(), lse.data(), real(0.5), &half,
                                     in_place.data(), false, rows, cols);
    require_close(in_place, want, tolerance());
  }
}

TEST_CASE("count_correct: the first of the largest entries must be the target", "[backend]") {
  const Reals x = {1,  3,  2,   // 1
                   5,  5,  0,   // 0, although 1 is as large
                   5,  5,  0,   //
                   0,  0,  7,   // no target
                   -1, -2, 0};  // 2
  const std::vector<i32> target = {1, 0, 1, -1, 2};
  CHECK(backend().count_correct(x.data(), target.data(), 5, 3) == 3);
  CHECK(backend().count_correct(x.data(), target.data(), 0, 3) == 0);
  // Long rows: the target is the largest in all of 500.
  Reals wide = random_reals(1, 500 * 257);
  std::vector<i32> best;
  for (index r = 0; r < 500; ++r) {
    best.push_back(static_cast<i32>(r * 31 % 257));
    wide[static_cast<std::size_t>(r * 257 + best.back())] = 3;
  }
  for (const int threads : {1, 2, 3, 7}) {
    backend().set_threads(threads);
    CHECK(backend().count_correct(wide.data(), best.data(), 500, 257) == 500);
  }
}

}  // namespace moesim::testing
