// Tests the kernels of AdamW and SGD against their formulas.
#include "tests/support/kernel_test.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

const index kParameterCounts[] = {0, 1, 3, 17, 64, 257, 50003};

}  // namespace

TEST_CASE("adamw: three steps by the formula", "[backend]") {
  for (const index n : kParameterCounts) {
    const Reals start = random_reals(1, n);
    Doubles p = to_double(start), m(p.size()), v(p.size());
    AdamW a;
    a.rate = real(0.01);
    a.beta1 = real(0.9);
    a.beta2 = real(0.99);
    a.epsilon = real(1e-6);
    a.decay = real(0.1);
    a.gradient_scale = real(0.5);
    const auto correct = [&](int step) {
      a.correction1 = static_cast<real>(1 - std::pow(double(a.beta1), step));
      a.correction2 = static_cast<real>(1 - std::pow(double(a.beta2), step));
    };
    for (int step = 1; step <= 3; ++step) {
      correct(step);
      const Reals gradient = random_reals(static_cast<std::uint64_t>(10 + step), n);
      for (std::size_t i = 0; i < p.size(); ++i) {
        const double g = 0.5 * gradient[i];
        m[i] = double(a.beta1) * m[i] + (1 - double(a.beta1)) * g;
        v[i] = double(a.beta2) * v[i] + (1 - double(a.beta2)) * g * g;
        const double step_size = m[i] / double(a.correction1) /
                                 (std::sqrt(v[i] / double(a.correction2)) + double(a.epsilon));
        p[i] -= double(a.rate) * (step_size + double(a.decay) * p[i]);
      }
    }
    Reals first, second;
    check_kernel(p, 10 * tolerance(), false, [&](Backend& b, real* value, bool) {
      std::copy(start.begin(), start.end(), value);
      first.assign(start.size(), 0);
      second.assign(start.size(), 0);
      for (int step = 1; step <= 3; ++step) {
        correct(step);
        const Reals gradient = random_reals(static_cast<std::uint64_t>(10 + step), n);
        b.adamw(a, gradient.data(), value, first.data(), second.data(), n);
      }
    });
    require_close(first, m, tolerance());
    require_close(second, v, tolerance());
  }
}

TEST_CASE("sgd: with and without momentum", "[backend]") {
  for (const index n : kParameterCounts)
    for (const double momentum : {0.0, 0.9}) {
      const Reals start = random_reals(1, n), gradient = random_reals(2, n);
      Doubles p = to_double(start), u(p.size());
      for (int step = 0; step < 2; ++step)
        for (std::size_t i = 0; i < p.size(); ++i) {
          u[i] = momentum * u[i] + 0.5 * gradient[i] + 0.25 * p[i];
          p[i] -= 0.125 * u[i];
        }
      if (momentum == 0) {
        p = to_double(start);
        for (int step = 0; step < 2; ++step)
          for (std::size_t i = 0; i < p.size(); ++i)
            p[i] -= 0.125 * (0.5 * gradient[i] + 0.25 * p[i]);
      }
      check_kernel(p, tolerance(), false, [&](Backend& b, real* value, bool) {
        std::copy(start.begin(), start.end(), value);
        Reals velocity(start.size());
        for (int step = 0; step < 2; ++step)
          b.sgd(real(0.125), static_cast<real>(momentum), real(0.25), real(0.5), gradient.data(),
                value, momentum == 0 ? nullptr : velocity.data(), n);
      });
    }
}

}  // namespace moesim::testing
