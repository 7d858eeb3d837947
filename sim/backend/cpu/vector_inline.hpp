// Defines elementary functions in a form that compilers vectorise, and loops over them.
//
// The float versions have no branch and no call: range reduction, a minimax polynomial, and selects
// at the ends of the range. Results below the smallest normal number become 0. The double versions
// call the standard library, because the double build is for exactness. All propagate NaN.
#pragma once

#include "sim/core/types.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

namespace moesim::cpu {

// f(i) for first <= i < last, vectorised: the calls of f must be independent. The attribute flatten
// inlines all of f, which vectorisation requires.
template <class F>
[[gnu::flatten]] inline void simd_loop(index first, index last, F f) {
#pragma omp simd
  for (index i = first; i < last; ++i) f(i);
}

// y[i] = f(i), or y[i] += f(i).
template <class T, class F>
[[gnu::flatten]] inline void simd_assign(T* y, bool acc, index first, index last, F f) {
  if (acc) {
#pragma omp simd
    for (index i = first; i < last; ++i) y[i] += f(i);
  } else {
#pragma omp simd
    for (index i = first; i < last; ++i) y[i] = f(i);
  }
}

// Σ f(i) in 16 lanes (lane i mod 16), which are then added pairwise: the same order for all
// compilers.
template <class T, class F>
[[gnu::flatten]] inline T simd_sum(index n, F f) {
  constexpr index kLanes = 16;
  if (n < kLanes) {
    T sum = 0;
    for (index i = 0; i < n; ++i) sum += f(i);
    return sum;
  }
  T lane[kLanes];
#pragma omp simd
  for (index l = 0; l < kLanes; ++l) lane[l] = f(l);
  index i = kLanes;
  for (; i + kLanes <= n; i += kLanes) {
#pragma omp simd
    for (index l = 0; l < kLanes; ++l) lane[l] += f(i + l);
  }
#pragma omp simd
  for (index l = 0; l < n - i; ++l) lane[l] += f(i + l);
  for (index half = kLanes / 2; half > 0; half /= 2) {
#pragma omp simd
    for (index l = 0; l < half; ++l) lane[l] += lane[l + half];
  }
  return lane[0];
}

// The maximum of f(i) by the same lanes; -infinity for an empty range.
template <class F>
[[gnu::flatten]] inline real simd_max(index n, F f) {
  constexpr index kLanes = 16;
  if (n < kLanes) {
    real largest = -std::numeric_limits<real>::infinity();
    for (index i = 0; i < n; ++i) largest = std::max(largest, f(i));
    return largest;
  }
  real lane[kLanes];
#pragma omp simd
  for (index l = 0; l < kLanes; ++l) lane[l] = f(l);
  index i = kLanes;
  for (; i + kLanes <= n; i += kLanes) {
#pragma omp simd
    for (index l = 0; l < kLanes; ++l) lane[l] = std::max(lane[l], f(i + l));
  }
#pragma omp simd
  for (index l = 0; l < n - i; ++l) lane[l] = std::max(lane[l], f(i + l));
  for (index half = kLanes / 2; half > 0; half /= 2) {
#pragma omp simd
    for (index l = 0; l < half; ++l) lane[l] = std::max(lane[l], lane[l + half]);
  }
  return lane[0];
}

namespace detail {

// e^x = 2^n · (1 + q), where n is the integer nearest to x / ln 2, and q = e^r - 1 for |r| <= ln 2
// / 2. Adding 1.5·2^23 rounds to an integer and leaves n in the low bits; `shifted` has n in the
// bits of the exponent. ln 2 is split in two parts so that n · (the first part) is exact.
struct Reduced {
  float q;
  std::uint32_t shifted;
};
inline Reduced exp_reduce(float x) {
  constexpr float kRound = 0x1.8p23f;
  const float t = x * std::numbers::log2e_v<float> + kRound;
  const float n = t - kRound;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.38145406e-3f;
  p = p * r + 8.36874545e-3f;
  p = p * r + 4.16683890e-2f;
  p = p * r + 1.66665211e-1f;
  p = p * r + 4.99999940e-1f;
  return {r + r * r * p, std::bit_cast<std::uint32_t>(t) << 23};
}

}  // namespace detail

inline float vexp(float x) {
  const detail::Reduced e = detail::exp_reduce(x);
  const float y = std::bit_cast<float>(std::bit_cast<std::uint32_t>(1 + e.q) + e.shifted);
  const float low = x < -87.3365402f ? 0.0f : y;                               // ln 2^-126
  return x <= 88.7228317f ? low : x + std::numeric_limits<float>::infinity();  // or NaN
}
inline double vexp(double x) { return std::exp(x); }

inline float vlog(float x) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const bool small = x < std::numeric_limits<float>::min();
  const auto bits = std::bit_cast<std::uint32_t>(small ? x * 0x1p23f : x);
  // x = 2^e · (1 + f), 1 + f from sqrt(1/2) to sqrt(2).
  const auto exponent = static_cast<std::int32_t>(bits - 0x3f3504f3u) >> 23;
  const float f = std::bit_cast<float>(bits - (static_cast<std::uint32_t>(exponent) << 23)) - 1;
  const float e = static_cast<float>(exponent) - (small ? 23.0f : 0.0f);
  float p = -7.63449743e-2f;
  p = p * f + 1.27615780e-1f;
  p = p * f - 1.31601825e-1f;
  p = p * f + 1.42017573e-1f;
  p = p * f - 1.66233569e-1f;
  p = p * f + 2.00012267e-1f;
  p = p * f - 2.50008196e-1f;
  p = p * f + 3.33333313e-1f;
  const float square = f * f;
  const float tail = p * f * square - e * 2.12194440e-4f - 0.5f * square;
  const float y = f + tail + e * 0.693359375f;
  const float high = x < kInfinity ? y : x;  // or NaN
  return x > 0 ? high : x == 0 ? -kInfinity : std::numeric_limits<float>::quiet_NaN();
}
inline double vlog(double x) { return std::log(x); }

// tanh |x| = -m / (2 + m), m = e^(-2|x|) - 1: no cancellation near 0.
inline float vtanh(float x) {
  const float a = std::fabs(x);
  const detail::Reduced e = detail::exp_reduce(-2 * (a > 10 ? 10.0f : a));
  const float power = std::bit_cast<float>(0x3f800000u + e.shifted);
  const float m = power * e.q + (power - 1);
  return std::copysign(m / (2 + m), x);
}
inline double vtanh(double x) { return std::tanh(x); }

inline float vsigmoid(float x) { return 1 / (1 + vexp(-x)); }
inline double vsigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// ln(1 + e^x) = max(x, 0) + ln(1 + z), z = e^-|x|; ln(1 + z) = 2 artanh(z / (2 + z)).
inline float vsoftplus(float x) {
  const float z = vexp(-std::fabs(x));
  const float s = z / (2 + z);
  const float square = s * s;
  float p = 1.40122294e-1f;
  p = p * square + 1.39995709e-1f;
  p = p * square + 2.00108498e-1f;
  p = p * square + 3.33332062e-1f;
  return (x > 0 ? x : 0.0f) + 2 * (s + s * square * p);
}
inline double vsoftplus(double x) {
  return (x > 0 ? x : 0.0) + std::log1p(std::exp(-std::fabs(x)));
}

// Φ(x) of the standard normal distribution and its density φ(x), which share an exponential.
template <class T>
struct Normal {
  T cdf, density;
};
// Φ(-t) = e^(-t²/2) · Q(t), t >= 0; (t + K) · Q(t) is a polynomial in (t - K) / (t + K), K = 3.5,
// after Shepherd and Laframboise (1981), relative error 6e-9.
inline Normal<float> vnormal(float x) {
  const float a = std::fabs(x);
  const float t = a > 14 ? 14.0f : a;
  const float inverse = 1 / (t + 3.5f);
  const float w = (t - 3.5f) * inverse;
  float p = 1.15685361e-4f;
  p = p * w + 4.31254914e-4f;
  p = p * w - 4.93875938e-4f;
  p = p * w - 3.18125170e-3f;
  p = p * w + 6.49125222e-3f;
  p = p * w + 1.74075980e-2f;
  p = p * w - 1.16052672e-1f;
  p = p * w + 3.15424949e-1f;
  p = p * w - 5.65561771e-1f;
  p = p * w + 7.44416058e-1f;
  const float e = vexp(-0.5f * t * t);
  const float below = e * p * inverse;
  return {x > 0 ? 1 - below : below, 0.398942280f * e};
}
inline Normal<double> vnormal(double x) {
  return {0.5 * std::erfc(-x / std::numbers::sqrt2),
          0.39894228040143267794 * std::exp(-0.5 * x * x)};
}

inline real relu(real x) { return x > 0 ? x : real(0); }
inline real gelu(real x) { return x * vnormal(x).cdf; }
inline real silu(real x) { return x * vsigmoid(x); }

// Derivatives at x; of tanh and sigmoid from their value y.
inline real relu_slope(real x) { return x > 0 ? real(1) : real(0); }
inline real gelu_slope(real x) {
  const auto normal = vnormal(x);
  return normal.cdf + x * normal.density;
}
inline real silu_slope(real x) {
  const real s = vsigmoid(x);
  return s * (1 + x * (1 - s));
}
inline real tanh_slope(real y) { return 1 - y * y; }
inline real sigmoid_slope(real y) { return y * (1 - y); }

}  // namespace moesim::cpu
