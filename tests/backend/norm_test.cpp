// Tests layer norm and RMS norm, forward and backward.
#include "tests/support/kernel_test.hpp"
#include "tests/support/naive_layers.hpp"

namespace moesim::testing {
namespace {

const index kRowsCols[][2] = {{0, 3}, {1, 1}, {3, 17}, {17, 3}, {64, 257}, {1000, 64}};
constexpr double kEpsilon = 1e-3;

}  // namespace

TEST_CASE("norm: layer and rms, with and without gamma and beta", "[backend]") {
  for (const auto& shape : kRowsCols)
    for (const NormKind kind : {NormKind::layer, NormKind::rms})
      for (const bool with_gamma : {false, true})
        for (const bool with_beta : {false, true}) {
          const index rows = shape[0], cols = shape[1];
          const Reals x = random_reals(1, rows * cols, -1, 3), gamma = random_reals(2, cols),
                      beta = random_reals(3, cols);
          const Doubles gamma64 = to_double(gamma), beta64 = to_double(beta);
          const auto want =
              naive::norm(kind, kEpsilon, to_double(x), with_gamma ? gamma64.data() : nullptr,
                          with_beta ? beta64.data() : nullptr, rows, cols);
          CAPTURE(rows, cols, kind == NormKind::rms, with_gamma, with_beta);
          Reals mean(static_cast<std::size_t>(rows)), inverse(mean);
          // A row of one value has no variance: what is left is rounding times 1 / sqrt(epsilon).
          check_kernel(want.y, 30 * tolerance(cols), false, [&](Backend& b, real* y, bool) {
            b.norm(kind, real(kEpsilon), x.data(), with_gamma ? gamma.data() : nullptr,
                   with_beta ? beta.data() : nullptr, y,
                   kind == NormKind::layer ? mean.data() : nullptr, inverse.data(), rows, cols);
          });
          require_close(inverse, want.inverse, tolerance(cols));
          if (kind == NormKind::layer) require_close(mean, want.mean, tolerance(cols));
        }
}

TEST_CASE("norm: gradients of x, gamma and beta", "[backend]") {
  for (const auto& shape : kRowsCols)
    for (const NormKind kind : {NormKind::layer, NormKind::rms})
      for (const bool with_gamma : {false, true}) {
        const index rows = shape[0], cols = shape[1];
        const Reals x = random_reals(1, rows * cols, -1, 3), gamma = random_reals(2, cols),
                    dy = random_reals(3, rows * cols);
        const Doubles gamma64 = to_double(gamma);
        const double* gamma_or_null = with_gamma ? gamma64.data() : nullptr;
        const auto forward =
            naive::norm(kind, kEpsilon, to_double(x), nullptr, nullptr, rows, cols);
        const auto want = naive::norm_backward(kind, kEpsilon, to_double(x), gamma_or_null,
                                               to_double(dy), rows, cols);
        const Reals mean(forward.mean.begin(), forward.mean.end());
        const Reals inverse(forward.inverse.begin(), forward.inverse.end());
        Reals dx(x.size()), dgamma(gamma.size()), dbeta(gamma.size());
        const auto run = [&](Backend& b, real* to_x, bool acc_x, real* to_gamma, bool acc_gamma,
                             real* to_beta, bool acc_beta) {
          b.norm_backward(kind, x.data(), with_gamma ? gamma.data() : nullptr, mean.data(),
                          inverse.data(), dy.data(), to_x, acc_x, to_gamma, acc_gamma, to_beta,
                          acc_beta, rows, cols);
        };
        CAPTURE(rows, cols, kind == NormKind::rms, with_gamma);
        check_kernel(want.dx, 30 * tolerance(cols), true, [&](Backend& b, real* to, bool acc) {
          run(b, to, acc, dgamma.data(), false, dbeta.data(), true);
        });
        check_kernel(want.dx, 30 * tolerance(cols), true, [&](Backend& b, real* to, bool acc) {
          run(b, to, acc, nullptr, false, nullptr, false);
        });
        check_kernel(want.dgamma, 30 * tolerance(rows), true, [&](Backend& b, real* to, bool acc) {
          run(b, dx.data(), false, to, acc, nullptr, false);
        });
        check_kernel(want.dbeta, tolerance(rows), true, [&](Backend& b, real* to, bool acc) {
          run(b, dx.data(), false, nullptr, true, to, acc);
        });
      }
}

}  // namespace moesim::testing
