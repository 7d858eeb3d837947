// Elementwise kernels: one thread per value.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/math.hpp"
#include "sim/backend/cuda/pack.hpp"
#include "sim/backend/cuda/philox.hpp"

#include <cmath>

namespace moesim {

using cuda::each;
using cuda::each_in_rows;
using cuda::put;

namespace {

__device__ real value_of(Unary op, real v) {
  switch (op) {
    case Unary::relu:
      return cuda::relu(v);
    case Unary::gelu:
      return cuda::gelu(v);
    case Unary::silu:
      return cuda::silu(v);
    case Unary::tanh:
      return std::tanh(v);
    case Unary::sigmoid:
      return cuda::sigmoid(v);
    case Unary::exp:
      return std::exp(v);
    case Unary::log:
      return std::log(v);
    case Unary::softplus:
      return cuda::softplus(v);
    case Unary::square:
      return v * v;
    case Unary::sqrt:
      return std::sqrt(v);
    case Unary::reciprocal:
      return 1 / v;
    case Unary::normal_cdf:
      return cuda::normal_cdf(v);
  }
  return v;
}

// True if f' is computed from y = f(x).
bool slope_from_value(Unary op) {
  return op == Unary::tanh || op == Unary::sigmoid || op == Unary::exp || op == Unary::sqrt ||
         op == Unary::reciprocal;
}

__device__ real slope_of(Unary op, real v) {
  switch (op) {
    case Unary::relu:
      return v > 0 ? real(1) : real(0);
    case Unary::gelu:
      return cuda::gelu_slope(v);
    case Unary::silu:
      return cuda::silu_slope(v);
    case Unary::tanh:
      return 1 - v * v;
    case Unary::sigmoid:
      return v * (1 - v);
    case Unary::exp:
      return v;
    case Unary::log:
      return 1 / v;
    case Unary::softplus:
      return cuda::sigmoid(v);
    case Unary::square:
      return 2 * v;
    case Unary::sqrt:
      return real(0.5) / v;
    case Unary::reciprocal:
      return -v * v;
    case Unary::normal_cdf:
      return cuda::normal_density(v);
  }
  return v;
}

__device__ real combined(Binary op, real u, real v) {
  switch (op) {
    case Binary::add:
      return u + v;
    case Binary::sub:
      return u - v;
    case Binary::mul:
      return u * v;
    case Binary::div:
      return u / v;
  }
  return u;
}

template <int wide>
void binary_packs(const cuda::Queue& queue, Binary op, const real* a, const real* b, real* y,
                   index packs) {
  each(queue, packs, [=] __device__(index i) {
    cuda::Pack<wide> u = cuda::pack<wide>(a, i);
    const cuda::Pack<wide> v = cuda::pack<wide>(b, i);
#pragma unroll
    for (int k = 0; k < wide; ++k) u.v[k] = combined(op, u.v[k], v.v[k]);
    cuda::pack<wide>(y, i) = u;
  });
}

template <int wide>
void multiply_packs(const cuda::Queue& queue, const real* a, const real* b, real* y, bool acc,
                    index packs) {
  each(queue, packs, [=] __device__(index i) {
    const cuda::Pack<wide> u = cuda::pack<wide>(a, i), v = cuda::pack<wide>(b, i);
    cuda::Pack<wide> to{};
    if (acc) to = cuda::pack<wide>(y, i);
#pragma unroll
    for (int k = 0; k < wide; ++k) put(to.v[k], acc, u.v[k] * v.v[k]);
    cuda::pack<wide>(y, i) = to;
  });
}

}  // namespace

void CudaBackend::unary(Unary op, const real* x, real* y, index n) {
  each(stream_, n, [=] __device__(index i) { y[i] = value_of(op, x[i]); });
}

// dx (+)= dy · f'(x)
void CudaBackend::unary_backward(Unary op, const real* x, const real* y, const real* dy, real* dx,
                                 bool acc, index n) {
  const real* from = slope_from_value(op) ? y : x;
  each(stream_, n, [=] __device__(index i) { put(dx[i], acc, dy[i] * slope_of(op, from[i])); });
}

void CudaBackend::binary(Binary op, Spread spread, const real* a, const real* b, real* y,
                         index rows, index cols) {
  switch (spread) {
    case Spread::same:
      cuda::with_packs(
          rows * cols,
          [&](auto wide) { binary_packs<wide>(stream_, op, a, b, y, rows * cols / wide); }, a, b,
          y);
      return;
    case Spread::scalar:
      each(stream_, rows * cols, [=] __device__(index i) { y[i] = combined(op, a[i], *b); });
      return;
    case Spread::row:
      each_in_rows(stream_, rows, cols, [=] __device__(index r, index c) {
        y[r * cols + c] = combined(op, a[r * cols + c], b[c]);
      });
      return;
    case Spread::column:
      each_in_rows(stream_, rows, cols, [=] __device__(index r, index c) {
        y[r * cols + c] = combined(op, a[r * cols + c], b[r]);
      });
      return;
  }
}

void CudaBackend::axpy(real alpha, const real* x, real* y, index n) { scale(alpha, x, y, true, n); }

void CudaBackend::scale(real alpha, const real* x, real* y, bool acc, index n) {
  each(stream_, n, [=] __device__(index i) { put(y[i], acc, alpha * x[i]); });
}

void CudaBackend::multiply(const real* a, const real* b, real* y, bool acc, index n) {
  cuda::with_packs(
      n, [&](auto wide) { multiply_packs<wide>(stream_, a, b, y, acc, n / wide); }, a, b, y);
}

void CudaBackend::round_bfloat16(const real* x, real* y, bool acc, index n) {
  each(stream_, n,
       [=] __device__(index i) { put(y[i], acc, cuda::from_bfloat16(cuda::to_bfloat16(x[i]))); });
}

void CudaBackend::swiglu(const real* a, const real* b, real* y, index n) {
  each(stream_, n, [=] __device__(index i) { y[i] = cuda::silu(a[i]) * b[i]; });
}

// da (+)= dy ⊙ b ⊙ silu'(a), db (+)= dy ⊙ silu(a).
void CudaBackend::swiglu_backward(const real* a, const real* b, const real* dy, real* da,
                                  bool acc_a, real* db, bool acc_b, index n) {
  each(stream_, n, [=] __device__(index i) {
    const real to_a = dy[i] * b[i] * cuda::silu_slope(a[i]), to_b = dy[i] * cuda::silu(a[i]);
    put(da[i], acc_a, to_a);
    put(db[i], acc_b, to_b);
  });
}

void CudaBackend::dropout(const Stream& stream, real rate, const real* x, real* y, bool acc,
                          index n) {
  // uniform = word · 2^-32 >= rate, in integers.
  const auto threshold = static_cast<std::uint64_t>(std::ceil(double(rate) * 0x1p32));
  const real kept = 1 / (1 - rate);
  const Stream source = stream_.replayable(stream);
  each(stream_, cuda::ceil_div(n, 4), [=] __device__(index block) {
    std::uint32_t words[4];
    cuda::random_block(source, block, words);
    for (index i = 4 * block, j = 0; j < 4 && i < n; ++i, ++j)
      put(y[i], acc, words[j] >= threshold ? kept * x[i] : real(0));
  });
}

void CudaBackend::dropout_rows(const Stream& stream, real rate, const i32* key, const real* x,
                               real* y, bool acc, index rows, index cols) {
  const auto threshold = static_cast<std::uint64_t>(std::ceil(double(rate) * 0x1p32));
  const real kept = 1 / (1 - rate);
  const Stream source = stream_.replayable(stream);
  each(stream_, rows * cols, [=] __device__(index i) {
    const index row = i / cols;
    bool keep = false;
    if (key[row] >= 0) {
      const index draw = key[row] * cols + i % cols;
      std::uint32_t words[4];
      cuda::random_block(source, draw / 4, words);
      keep = words[draw % 4] >= threshold;
    }
    put(y[i], acc, keep ? kept * x[i] : real(0));
  });
}

}  // namespace moesim
