// Tests the linear layer with merged weights, forward and backward.
#include "tests/support/factors.hpp"
#include "tests/support/kernel_test.hpp"

namespace moesim::testing {

// Against weights merged beforehand, in double: more rows, columns, segments and experts than a
// tile holds, and an empty segment. In bfloat16 rows, merged weights and dz are rounded, nothing
// else; in float, where a weight may come to lie on the other side of a tie, the limit is wider.
TEST_CASE("merged linear: forward and all pull-backs", "[backend][linear][bfloat16]") {
  const index in = 71, out = 151, G = 19;
  for (const auto& [E, compute] : {std::pair<index, Compute>{3, Compute::float32},
                                   {40, Compute::float32},
                                   {3, Compute::bfloat16},
                                   {40, Compute::bfloat16}}) {
    CAPTURE(E, static_cast<int>(compute));
    const auto low = [compute = compute](double value) { return rounded(compute, value); };
    std::vector<i32> offset = {0};
    for (index s = 0; s < G; ++s)
      offset.push_back(offset.back() + static_cast<i32>(s == 4 ? 0 : 1 + s % 5));
    const index rows = offset.back();
    const Reals x = random_reals(1, rows * in), w = random_reals(2, E * in * out),
                bias = random_reals(3, E * out), mix = random_reals(4, G * E, 0, 1),
                dy = random_reals(5, rows * out);
    const Linear l{.rows = rows,
                   .in = in,
                   .out = out,
                   .segments = G,
                   .offset = offset.data(),
                   .x = x.data(),
                   .w = w.data(),
                   .bias = bias.data(),
                   .experts = E,
                   .mix = mix.data(),
                   .activation = Activation::relu,
                   .compute = compute};
    Doubles y(dy.size()), dz(dy.size()), dx(x.size(), 0), dw(w.size(), 0), db(bias.size(), 0),
        dmix(mix.size(), 0);
    const auto at = [](const auto& v, index i) { return double(v[static_cast<std::size_t>(i)]); };
    for (index s = 0; s < G; ++s) {
      Doubles merged(static_cast<std::size_t>(in * out), 0),
          shift(static_cast<std::size_t>(out), 0), product(merged.size(), 0);
      for (index e = 0; e < E; ++e) {
        for (index i = 0; i < in * out; ++i)
          merged[static_cast<std::size_t>(i)] += at(mix, s * E + e) * at(w, e * in * out + i);
        for (index o = 0; o < out; ++o)
          shift[static_cast<std::size_t>(o)] += at(mix, s * E + e) * at(bias, e * out + o);
      }
      for (double& value : merged) value = low(value);
      Doubles sums(static_cast<std::size_t>(out), 0);
      for (index r = offset[static_cast<std::size_t>(s)];
           r < offset[static_cast<std::size_t>(s) + 1]; ++r)
        for (index o = 0; o < out; ++o) {
          double z = at(shift, o);
          for (index i = 0; i < in; ++i) z += low(at(x, r * in + i)) * at(merged, i * out + o);
          const auto here = static_cast<std::size_t>(r * out + o);
          y[here] = z > 0 ? z : 0;
          dz[here] = z > 0 ? at(dy, r * out + o) : 0;
          sums[static_cast<std::size_t>(o)] += dz[here];
          for (index i = 0; i < in; ++i) {
            dx[static_cast<std::size_t>(r * in + i)] += low(dz[here]) * at(merged, i * out + o);
            product[static_cast<std::size_t>(i * out + o)] +=
                low(dz[here]) * low(at(x, r * in + i));
          }
        }
      for (index e = 0; e < E; ++e) {
        auto& share = dmix[static_cast<std::size_t>(s * E + e)];
        for (index i = 0; i < in * out; ++i) {
          dw[static_cast<std::size_t>(e * in * out + i)] += at(mix, s * E + e) * at(product, i);
          share += at(product, i) * at(w, e * in * out + i);
        }
        for (index o = 0; o < out; ++o) {
          db[static_cast<std::size_t>(e * out + o)] += at(mix, s * E + e) * at(sums, o);
          share += at(sums, o) * at(bias, e * out + o);
        }
      }
    }
    const double limit = tolerance(in * out) * (compute == Compute::bfloat16 && !kDouble ? 20 : 1);
    Reals slope(y.size()), worked = dy;
    check_kernel(y, limit, false,
                 [&](CpuBackend& cpu, real* p, bool) { cpu.linear(l, slope.data(), p); });
    const auto backward = [&](CpuBackend& cpu, const LinearGradients& to) {
      worked = dy;
      cpu.linear_backward(l, slope.data(), worked.data(), to);
    };
    check_kernel(dx, limit, true, [&](CpuBackend& cpu, real* p, bool acc) {
      backward(cpu, {.x = {p, acc}});
    });
    require_close(worked, dz, limit);
    check_kernel(dw, limit, true, [&](CpuBackend& cpu, real* p, bool acc) {
      backward(cpu, {.w = {p, acc}});
    });
    check_kernel(db, limit, true, [&](CpuBackend& cpu, real* p, bool acc) {
      backward(cpu, {.bias = {p, acc}});
    });
    check_kernel(dmix, limit, true, [&](CpuBackend& cpu, real* p, bool acc) {
      backward(cpu, {.mix = {p, acc}});
    });
  }
}

}  // namespace moesim::testing
