#include "sim/backend/cpu/vector_math.hpp"

#include "sim/backend/cpu/vector_inline.hpp"

#include <algorithm>
#include <vector>

namespace moesim::cpu {
namespace {

struct Point {
  real value, slope;
};

// f(z) returns a value and its derivative, which share most of their arithmetic.
template <class F>
void apply(const real* bias, real* y, real* slope, index n, F f) {
  if (slope == nullptr && bias == nullptr)
    simd_loop(0, n, [=](index i) { y[i] = f(y[i]).value; });
  else if (slope == nullptr)
    simd_loop(0, n, [=](index i) { y[i] = f(y[i] + bias[i]).value; });
  else if (bias == nullptr)
    simd_loop(0, n, [=](index i) {
      const Point p = f(y[i]);
      y[i] = p.value;
      slope[i] = p.slope;
    });
  else
    simd_loop(0, n, [=](index i) {
      const Point p = f(y[i] + bias[i]);
      y[i] = p.value;
      slope[i] = p.slope;
    });
}

}  // namespace

void activate(Activation activation, const real* bias, real* y, real* slope, index n) {
  const auto run = [=](auto f) { apply(bias, y, slope, n, f); };
  switch (activation) {
    case Activation::none:
      if (bias != nullptr) simd_loop(0, n, [=](index i) { y[i] += bias[i]; });
      return;
    case Activation::relu:
      return run([](real z) { return Point{relu(z), relu_slope(z)}; });
    case Activation::gelu:
      return run([](real z) {
        const auto normal = vnormal(z);
        return Point{z * normal.cdf, normal.cdf + z * normal.density};
      });
    case Activation::silu:
      return run([](real z) {
        const real s = vsigmoid(z);
        return Point{z * s, s * (1 + z * (1 - s))};
      });
    case Activation::tanh:
      return run([](real z) {
        const real t = vtanh(z);
        return Point{t, tanh_slope(t)};
      });
    case Activation::sigmoid:
      return run([](real z) {
        const real s = vsigmoid(z);
        return Point{s, sigmoid_slope(s)};
      });
  }
}

// Sums eight rows at a time, because the sums are in memory.
void sum_columns(const real* x, index rows, index cols, real* sum) {
  constexpr index kBlock = 128;  // rows per partial sum
  std::fill_n(sum, cols, real(0));
  if (rows > kBlock) {
    std::vector<real> part(static_cast<std::size_t>(cols));
    for (index first = 0; first < rows; first += kBlock) {
      sum_columns(x + first * cols, std::min(kBlock, rows - first), cols, part.data());
      simd_loop(0, cols, [=, p = part.data()](index c) { sum[c] += p[c]; });
    }
    return;
  }
  index r = 0;
  for (; r + 8 <= rows; r += 8)
    simd_loop(0, cols, [=, row = x + r * cols](index c) {
      const real a = row[c] + row[cols + c], b = row[2 * cols + c] + row[3 * cols + c];
      const real d = row[4 * cols + c] + row[5 * cols + c],
                 e = row[6 * cols + c] + row[7 * cols + c];
      sum[c] += (a + b) + (d + e);
    });
  for (; r < rows; ++r) simd_loop(0, cols, [=, row = x + r * cols](index c) { sum[c] += row[c]; });
}

}  // namespace moesim::cpu
