// Tests elementwise kernels and their backward passes.
#include "tests/support/kernel_test.hpp"
#include "tests/support/naive.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

// Small, odd, and enough for several tiles.
const index kSizes[] = {0, 1, 3, 17, 64, 257, 50003};

}  // namespace

TEST_CASE("unary: every function and its pull-back", "[backend]") {
  const Unary ops[] = {Unary::relu,    Unary::gelu, Unary::silu,       Unary::tanh,
                       Unary::sigmoid, Unary::exp,  Unary::log,        Unary::softplus,
                       Unary::square,  Unary::sqrt, Unary::reciprocal, Unary::normal_cdf};
  for (const Unary op : ops)
    for (const index n : kSizes) {
      const bool positive = op == Unary::log || op == Unary::sqrt || op == Unary::reciprocal;
      const Reals x = random_reals(1, n, positive ? 0.1 : -5, 5), dy = random_reals(2, n);
      Doubles y, dx;
      Reals y_real;
      for (std::size_t i = 0; i < x.size(); ++i) {
        y.push_back(naive::unary(op, x[i]));
        y_real.push_back(static_cast<real>(y[i]));
        dx.push_back(dy[i] * naive::slope(op, x[i]));
      }
      CAPTURE(static_cast<int>(op), n);
      check_kernel(y, tolerance(), false,
                   [&](Backend& b, real* out, bool) { b.unary(op, x.data(), out, n); });
      check_kernel(dx, tolerance(), true, [&](Backend& b, real* out, bool acc) {
        b.unary_backward(op, x.data(), y_real.data(), dy.data(), out, acc, n);
      });
    }
}

TEST_CASE("unary: the derivative of relu at 0 is 0", "[backend]") {
  const real x = 0, dy = 1;
  real dx = 7;
  backend().unary_backward(Unary::relu, &x, &x, &dy, &dx, false, 1);
  CHECK(dx == 0);
}

TEST_CASE("binary: every operation at every spread", "[backend]") {
  const index shapes[][2] = {{0, 3}, {1, 1}, {3, 17}, {17, 3}, {64, 257}, {9001, 7}};
  for (const auto& shape : shapes)
    for (const Binary op : {Binary::add, Binary::sub, Binary::mul, Binary::div})
      for (const Spread spread : {Spread::same, Spread::row, Spread::column, Spread::scalar}) {
        const index rows = shape[0], cols = shape[1];
        const index size = spread == Spread::same     ? rows * cols
                           : spread == Spread::row    ? cols
                           : spread == Spread::column ? rows
                                                      : 1;
        const Reals a = random_reals(1, rows * cols), b = random_reals(2, size, 0.5, 2);
        Doubles want;
        for (index r = 0; r < rows; ++r)
          for (index c = 0; c < cols; ++c) {
            const index at = spread == Spread::same     ? r * cols + c
                             : spread == Spread::row    ? c
                             : spread == Spread::column ? r
                                                        : 0;
            const double u = a[static_cast<std::size_t>(r * cols + c)];
            const double v = b[static_cast<std::size_t>(at)];
            want.push_back(op == Binary::add   ? u + v
                           : op == Binary::sub ? u - v
                           : op == Binary::mul ? u * v
                                               : u / v);
          }
        CAPTURE(rows, cols, static_cast<int>(op), static_cast<int>(spread));
        check_kernel(want, tolerance(), false, [&](Backend& k, real* y, bool) {
          k.binary(op, spread, a.data(), b.data(), y, rows, cols);
        });
      }
}

TEST_CASE("axpy, scale, multiply", "[backend]") {
  for (const index n : kSizes) {
    const Reals a = random_reals(1, n), b = random_reals(2, n);
    const real alpha = real(0.75);
    Doubles scaled, product;
    for (std::size_t i = 0; i < a.size(); ++i) {
      scaled.push_back(0.75 * a[i]);
      product.push_back(double(a[i]) * b[i]);
    }
    check_kernel(scaled, tolerance(), true,
                 [&](Backend& k, real* y, bool acc) { k.scale(alpha, a.data(), y, acc, n); });
    check_kernel(product, tolerance(), true,
                 [&](Backend& k, real* y, bool acc) { k.multiply(a.data(), b.data(), y, acc, n); });
    Reals y = b;
    backend().axpy(alpha, a.data(), y.data(), n);
    for (std::size_t i = 0; i < scaled.size(); ++i) scaled[i] += b[i];
    require_close(y, scaled, tolerance());
  }
}

TEST_CASE("swiglu: value and both gradients", "[backend]") {
  for (const index n : kSizes) {
    const Reals a = random_reals(1, n), b = random_reals(2, n), dy = random_reals(3, n);
    Doubles y, da, db;
    for (std::size_t i = 0; i < a.size(); ++i) {
      y.push_back(naive::unary(Unary::silu, a[i]) * b[i]);
      da.push_back(dy[i] * b[i] * naive::slope(Unary::silu, a[i]));
      db.push_back(dy[i] * naive::unary(Unary::silu, a[i]));
    }
    check_kernel(y, tolerance(), false,
                 [&](Backend& k, real* out, bool) { k.swiglu(a.data(), b.data(), out, n); });
    Reals other(a.size(), 1);
    check_kernel(da, tolerance(), true, [&](Backend& k, real* out, bool acc) {
      k.swiglu_backward(a.data(), b.data(), dy.data(), out, acc, other.data(), !acc, n);
    });
    check_kernel(db, tolerance(), true, [&](Backend& k, real* out, bool acc) {
      k.swiglu_backward(a.data(), b.data(), dy.data(), other.data(), !acc, out, acc, n);
    });
  }
}

TEST_CASE("dropout: keeps draw i of the stream iff it is at least the rate", "[backend]") {
  const Stream stream{5, Purpose::dropout, 17, 3};
  for (const index n : kSizes)
    for (const double rate : {0.0, 0.1, 0.5}) {
      const Reals x = random_reals(1, n);
      Doubles want;
      for (std::size_t i = 0; i < x.size(); ++i)
        want.push_back(random_uniform(stream, i) >= real(rate) ? x[i] / (1 - rate) : 0);
      check_kernel(want, tolerance(), true, [&](Backend& b, real* y, bool acc) {
        b.dropout(stream, static_cast<real>(rate), x.data(), y, acc, n);
      });
    }
}

TEST_CASE("dropout_rows: the draws of a row are those of its key", "[backend]") {
  const Stream stream{5, Purpose::expert_dropout, 17, 3};
  const std::vector<i32> key = {9, -1, 0, 123456789, 9, 2};
  const auto rows = static_cast<index>(key.size());
  for (const index cols : {index(1), index(3), index(64), index(1027), index(2050)}) {
    const Reals x = random_reals(1, rows * cols);
    Doubles want;
    for (index r = 0; r < rows; ++r)
      for (index c = 0; c < cols; ++c) {
        const index own = key[static_cast<std::size_t>(r)];
        const bool keep =
            own >= 0 && random_uniform(stream, static_cast<std::uint64_t>(own * cols + c)) >= 0.3;
        want.push_back(keep ? x[static_cast<std::size_t>(r * cols + c)] / (1 - 0.3) : 0);
      }
    check_kernel(want, tolerance(), true, [&](Backend& b, real* y, bool acc) {
      b.dropout_rows(stream, real(0.3), key.data(), x.data(), y, acc, rows, cols);
    });
  }
}

}  // namespace moesim::testing
