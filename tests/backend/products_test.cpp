// Tests products, linear layers over segments, row moves and top-k against naive loops in double.
#include "tests/support/kernel_test.hpp"

namespace moesim::testing {
namespace {

// Rounding of sums of k products.
double allowed(index k) {
  return (kDouble ? 1e-15 : 1e-6) * 4 * std::sqrt(static_cast<double>(k) + 1);
}

TEST_CASE("product: all orientations, odd sizes, batches", "[backend][product]") {
  const index sizes[][4] = {{1, 1, 1, 1},     {3, 5, 7, 4},      {130, 17, 33, 1},
                            {257, 513, 3, 2}, {5, 600, 1100, 1}, {2, 3, 0, 1}};
  for (const auto& size : sizes) {
    const index m = size[0], n = size[1], k = size[2], batch = size[3];
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        CAPTURE(m, n, k, batch, ta, tb);
        const Reals a = random_reals(1, batch * m * k), b = random_reals(2, batch * k * n);
        Doubles want(static_cast<std::size_t>(batch * m * n), 0);
        for (index g = 0; g < batch; ++g)
          for (index i = 0; i < m; ++i)
            for (index j = 0; j < n; ++j)
              for (index l = 0; l < k; ++l)
                want[static_cast<std::size_t>((g * m + i) * n + j)] +=
                    0.5 *
                    static_cast<double>(
                        a[static_cast<std::size_t>(g * m * k + (ta ? l * m + i : i * k + l))]) *
                    static_cast<double>(
                        b[static_cast<std::size_t>(g * k * n + (tb ? j * k + l : l * n + j))]);
        check_kernel(want, allowed(k) * 4, true, [&](CpuBackend& cpu, real* y, bool acc) {
          cpu.product({.transpose_a = ta,
                       .transpose_b = tb,
                       .m = m,
                       .n = n,
                       .k = k,
                       .alpha = real(0.5),
                       .a = a.data(),
                       .lda = std::max<index>(1, ta ? m : k),
                       .b = b.data(),
                       .ldb = std::max<index>(1, tb ? k : n),
                       .c = y,
                       .ldc = n,
                       .acc = acc,
                       .batch = batch,
                       .stride_a = m * k,
                       .stride_b = k * n,
                       .stride_c = m * n});
        });
      }
  }
}

TEST_CASE("linear: skewed and empty segments, forward and both pull-backs", "[backend][linear]") {
  const index in = 5, out = 9, E = 4;
  const std::vector<i32> offset = {0, 0, 300, 301, 301};  // nobody, a crowd, one, nobody
  const index rows = offset.back();
  const Reals x = random_reals(1, rows * in), w = random_reals(2, E * in * out),
              bias = random_reals(3, E * out);
  const Reals dy = random_reals(4, rows * out);
  Linear l{.rows = rows,
           .in = in,
           .out = out,
           .segments = E,
           .offset = offset.data(),
           .x = x.data(),
           .w = w.data(),
           .bias = bias.data(),
           .activation = Activation::silu};

  Doubles y(static_cast<std::size_t>(rows * out)), dz(y.size()), dx(x.size(), 0), dw(w.size(), 0),
      db(bias.size(), 0);
  for (index e = 0; e < E; ++e)
    for (index r = offset[static_cast<std::size_t>(e)]; r < offset[static_cast<std::size_t>(e) + 1];
         ++r)
      for (index o = 0; o < out; ++o) {
        const auto at = static_cast<std::size_t>(r * out + o);
        double z = static_cast<double>(bias[static_cast<std::size_t>(e * out + o)]);
        for (index i = 0; i < in; ++i)
          z += static_cast<double>(x[static_cast<std::size_t>(r * in + i)]) *
               static_cast<double>(w[static_cast<std::size_t>((e * in + i) * out + o)]);
        const double s = 1 / (1 + std::exp(-z));
        y[at] = z * s;
        dz[at] = static_cast<double>(dy[at]) * s * (1 + z * (1 - s));
        db[static_cast<std::size_t>(e * out + o)] += dz[at];
        for (index i = 0; i < in; ++i) {
          dx[static_cast<std::size_t>(r * in + i)] +=
              dz[at] * static_cast<double>(w[static_cast<std::size_t>((e * in + i) * out + o)]);
          dw[static_cast<std::size_t>((e * in + i) * out + o)] +=
              dz[at] * static_cast<double>(x[static_cast<std::size_t>(r * in + i)]);
        }
      }
  const double tolerance = allowed(rows) * 20;
  Reals slope(y.size()), worked = dy;
  check_kernel(y, tolerance, false,
               [&](CpuBackend& cpu, real* out_y, bool) { cpu.linear(l, slope.data(), out_y); });
  check_kernel(y, tolerance, false,
               [&](CpuBackend& cpu, real* out_y, bool) { cpu.linear(l, nullptr, out_y); });
  check_kernel(dx, tolerance, true, [&](CpuBackend& cpu, real* p, bool acc) {
    worked = dy;
    cpu.linear_backward(l, slope.data(), worked.data(), {.x = {p, acc}});
  });
  require_close(worked, dz, tolerance);
  check_kernel(dw, tolerance, true, [&](CpuBackend& cpu, real* p, bool acc) {
    worked = dy;
    cpu.linear_backward(l, slope.data(), worked.data(), {.w = {p, acc}});
  });
  check_kernel(db, tolerance, true, [&](CpuBackend& cpu, real* p, bool acc) {
    worked = dy;
    cpu.linear_backward(l, slope.data(), worked.data(), {.bias = {p, acc}});
  });
}

TEST_CASE("sort_by_key: stable, negative keys left out", "[backend][rows]") {
  const std::vector<i32> key = {2, 0, -1, 2, 0, 3};
  std::vector<i32> offset(5), order(6, -7);
  backend().sort_by_key(key.data(), 6, 4, offset.data(), order.data());
  CHECK(offset == std::vector<i32>{0, 2, 2, 4, 5});
  CHECK(order == std::vector<i32>{1, 4, 0, 3, 5, -1});
}

TEST_CASE("top_k: best first, ties to the lower index, NaN last", "[backend][select]") {
  const real nan = std::numeric_limits<real>::quiet_NaN();
  const Reals x = {1, 3, 3, 2, nan, 3};
  std::vector<i32> choice(6);
  for (const index k : {1, 3, 4, 5, 6}) {
    backend().top_k(x.data(), choice.data(), 1, 6, k);
    const std::vector<i32> want = {1, 2, 5, 3, 0, 4};
    CHECK(std::vector<i32>(choice.begin(), choice.begin() + k) ==
          std::vector<i32>(want.begin(), want.begin() + k));
  }
  // Columns of two groups [3, 2].
  const Reals y = {1, 9, 5, 8, 3, 7, 0, 0, 0, 0, 1, 0};
  backend().top_k_rows(y.data(), choice.data(), 2, 3, 2, 1);
  CHECK(std::vector<i32>(choice.begin(), choice.begin() + 4) == std::vector<i32>{1, 0, 2, 0});
}

TEST_CASE("fill_capacity: the three orders, by hand", "[backend][select]") {
  // Three tokens, k = 2, two experts with two places each. Choices (first, second): (0, 1), (0, 1),
  // (0, 1).
  const std::vector<i32> choice = {0, 1, 0, 1, 0, 1};
  const Reals priority = {1, 3, 2};
  std::vector<i32> kept(6);
  Fill f{.tokens = 3, .k = 2, .experts = 2, .group = 3, .choice = choice.data(), .capacity = 2};
  for (const Order order : {Order::token, Order::choice}) {
    f.order = order;
    backend().fill_capacity(f, kept.data());
    CHECK(kept == std::vector<i32>{0, 1, 0, 1, -1, -1});  // places go to the first two tokens
  }
  f.order = Order::score, f.priority = priority.data();
  backend().fill_capacity(f, kept.data());
  CHECK(kept == std::vector<i32>{-1, -1, 0, 1, 0, 1});  // to the two largest priorities
  // First choices of later tokens displace second choices of earlier ones when choices go first,
  // not token by token.
  const std::vector<i32> crossed = {1, 0, 0, 1, 0, 1};
  f.choice = crossed.data(), f.order = Order::choice;
  backend().fill_capacity(f, kept.data());
  CHECK(kept == std::vector<i32>{1, -1, 0, 1, 0, -1});
  f.order = Order::token;
  backend().fill_capacity(f, kept.data());
  CHECK(kept == std::vector<i32>{1, 0, 0, 1, -1, -1});
  f.capacity = 0;  // no limit
  backend().fill_capacity(f, kept.data());
  CHECK(kept == crossed);
}

}  // namespace
}  // namespace moesim::testing
