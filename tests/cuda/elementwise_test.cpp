// Tests memory, elementwise kernels, random numbers and optimisers on the device.
#include "sim/core/error.hpp"
#include "sim/core/tensor.hpp"
#include "tests/cuda/support.hpp"

#include <cmath>
#include <limits>

namespace moesim::testing {
namespace {

const index kSizes[] = {0, 1, 7, 256, 1009};

TEST_CASE("cuda: memory", "[cuda]") {
  Backend* cuda = card("memory");
  if (!cuda) return;
  CHECK(cuda->name() == "cuda:0");
  CHECK(cuda->description().find("compute capability") != std::string::npos);
  for (const index n : kSizes)
    agree(*cuda, 0, [&](Lab& lab) {
      real *a = lab.out(n), *b = lab.out(n), *c = lab.out(n);
      lab.backend().copy(a, b, static_cast<std::size_t>(n) * sizeof(real));
      lab.backend().zero(b, static_cast<std::size_t>(n) * sizeof(real));
      lab.backend().fill(c, n, real(2.5));
    });
  // What the host gave may go away at once.
  {
    std::vector<real> values(1000, 3);
    const Tensor t = Tensor::of({1000}, values, *cuda);
    std::fill(values.begin(), values.end(), real(4));
    CHECK(t.to_host()[999] == 3);
  }
  try {
    cuda->allocate(std::size_t{1} << 46);
    FAIL("more memory than any card has");
  } catch (const Error& error) {
    CHECK_THAT(error.what(), contains("out of memory on cuda:0: 70368744.2 MB requested"));
  }
  cuda->wait();
  CHECK_THROWS_WITH(make_backend("cuda:999", 0), contains("counted from 0"));
}

TEST_CASE("cuda: elementwise", "[cuda]") {
  Backend* cuda = card("elementwise");
  if (!cuda) return;
  for (const index n : kSizes) {
    for (const Unary op : {Unary::relu, Unary::gelu, Unary::silu, Unary::tanh, Unary::sigmoid,
                           Unary::exp, Unary::log, Unary::softplus, Unary::square, Unary::sqrt,
                           Unary::reciprocal, Unary::normal_cdf}) {
      CAPTURE(static_cast<int>(op));
      const bool positive = op == Unary::log || op == Unary::sqrt || op == Unary::reciprocal;
      for (const bool acc : {false, true})
        agree(*cuda, allowed(), [&](Lab& lab) {
          const real* x = positive ? lab.in(n, 0.1, 3) : lab.in(n, -4, 4);
          const real* dy = lab.in(n);
          real *y = lab.out(n), *dx = lab.out(n);
          lab.backend().unary(op, x, y, n);
          lab.backend().unary_backward(op, x, y, dy, dx, acc, n);
        });
    }
    for (const bool acc : {false, true})
      agree(*cuda, allowed(), [&](Lab& lab) {
        Backend& b = lab.backend();
        const real *u = lab.in(n), *v = lab.in(n), *dy = lab.in(n);
        b.axpy(real(0.3), u, lab.out(n), n);
        b.scale(real(-1.7), u, lab.out(n), acc, n);
        b.multiply(u, v, lab.out(n), acc, n);
        b.round_bfloat16(u, lab.out(n), acc, n);
        b.swiglu(u, v, lab.out(n), n);
        real *da = lab.out(n), *db = lab.out(n);
        b.swiglu_backward(u, v, dy, da, acc, db, !acc, n);
      });
  }
}

TEST_CASE("cuda: binary at every spread", "[cuda]") {
  Backend* cuda = card("binary at every spread");
  if (!cuda) return;
  for (const auto& [rows, cols] : {std::pair<index, index>{0, 5}, {1, 1}, {3, 300}, {131, 7}})
    for (const Binary op : {Binary::add, Binary::sub, Binary::mul, Binary::div})
      for (const Spread spread : {Spread::same, Spread::row, Spread::column, Spread::scalar})
        agree(*cuda, allowed(), [&, rows = rows, cols = cols](Lab& lab) {
          const real *a = lab.in(rows * cols), *b = lab.in(rows * cols + 300, 0.5, 2);
          lab.backend().binary(op, spread, a, b, lab.out(rows * cols), rows, cols);
        });
}

TEST_CASE("cuda: random numbers are those of the CPU", "[cuda]") {
  Backend* cuda = card("random numbers are those of the CPU");
  if (!cuda) return;
  const Stream streams[] = {{12345678901234567ull, Purpose::dropout, 3, 0xdeadbeef},
                            {0, Purpose::parameters, 0xffffffffu, 0}};
  for (const Stream& stream : streams)
    for (const index n : {index(0), index(1), index(2), index(5), index(1027)}) {
      agree(*cuda, 0, [&](Lab& lab) {  // to the bit
        lab.backend().uniform(stream, -1, 3, lab.out(n), n);
        lab.backend().uniform(stream, 0, 1, lab.out(n), n);
        for (const real rate : {real(0), real(0.1), real(0.5)})
          for (const bool acc : {false, true})
            lab.backend().dropout(stream, rate, lab.in(n), lab.out(n), acc, n);
      });
      agree(*cuda, 0, [&](Lab& lab) {
        for (const bool acc : {false, true})
          lab.backend().dropout_rows(stream, real(0.3), lab.ints({5, -1, 70000, 0}), lab.in(4 * n),
                                     lab.out(4 * n), acc, 4, n);
      });
      agree(*cuda, kDouble ? 1e-15 : 1e-7,
            [&](Lab& lab) { lab.backend().normal(stream, lab.out(n), n); });
    }
}

TEST_CASE("cuda: random numbers of a step that stands in memory", "[cuda]") {
  Backend* cuda = card("random numbers of a step that stands in memory");
  if (!cuda) return;
  for (const i32 step : {0, 5, 70000})
    agree(*cuda, kDouble ? 1e-15 : 1e-7, [&](Lab& lab) {
      constexpr index n = 1027;
      Backend& b = lab.backend();
      const auto draw = [&](const Stream& stream) {
        real *u = lab.out(n), *z = lab.out(n), *d = lab.out(n);
        b.fill(d, n, 1);
        b.uniform(stream, 0, 1, u, n);
        b.normal(stream, z, n);
        b.dropout(stream, real(0.3), d, d, false, n);
        std::vector<real> all(3 * n);
        for (int i = 0; i < 3; ++i)
          b.copy_to_host(all.data() + i * n, i == 0 ? u : i == 1 ? z : d, n * sizeof(real));
        return all;
      };
      // The other step does not matter.
      const Stream told{7, Purpose::router_noise, static_cast<std::uint32_t>(step), 2},
          read{7, Purpose::router_noise, 99, 2, lab.ints({step})};
      REQUIRE(draw(told) == draw(read));
    });
}

TEST_CASE("cuda: optimisers", "[cuda]") {
  Backend* cuda = card("optimisers");
  if (!cuda) return;
  for (const index n : kSizes)
    agree(*cuda, allowed(), [&](Lab& lab) {
      const AdamW a{real(0.01), real(0.9),  real(0.95),  real(1e-8),
                    real(0.1),  real(0.19), real(0.097), real(0.7)};
      const real* gradient = lab.in(n);
      real *value = lab.out(n), *first = lab.out(n), *second = lab.out(n);
      lab.backend().fill(second, n, real(0.3));
      lab.backend().adamw(a, gradient, value, first, second, n);
      for (const real momentum : {real(0), real(0.9)}) {
        real *p = lab.out(n), *velocity = lab.out(n);
        lab.backend().sgd(real(0.1), momentum, real(0.01), real(0.5), gradient, p, velocity, n);
      }
    });
  // More tensors than a launch takes, of none, few and many values.
  agree(*cuda, allowed(1000), [&](Lab& lab) {
    std::vector<AdamWTensor> tensors;
    std::vector<Values> gradients;
    for (index i = 0; i < 150; ++i) {
      const index n = i % 7 == 3 ? 0 : i % 31 == 5 ? 9000 : 5 * i + 1;
      AdamWTensor t{lab.in(n), lab.out(n), lab.out(n), lab.out(n), n, real(0.01) * real(i)};
      lab.backend().fill(t.second, n, real(0.3));
      gradients.push_back({t.gradient, n});
      tensors.push_back(t);
    }
    lab.backend().adamw_of_all({real(0.01), real(0.9), real(0.95), real(1e-8), real(0.1),
                                real(0.19), real(0.097), real(0.7)},
                               tensors);
    lab.report(lab.backend().squared_norm_of_all(gradients));
    lab.report(lab.backend().squared_norm_of_all({}));
  });
}

}  // namespace
}  // namespace moesim::testing
