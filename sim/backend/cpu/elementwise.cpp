// Elementwise kernels: one pass over pieces of fixed size.
#include "sim/backend/cpu/bfloat16.hpp"
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/random_words.hpp"
#include "sim/backend/cpu/vector_inline.hpp"

#include <array>
#include <cmath>

namespace moesim {

using cpu::simd_assign;

namespace {

constexpr index kPiece = 16384;

}  // namespace

void CpuBackend::unary(Unary op, const real* x, real* y, index n) {
  const auto run = [&](auto f) {
    for_pieces(n, kPiece, [=](index first, index last) {
      simd_assign(y, false, first, last, [=](index i) { return f(x[i]); });
    });
  };
  switch (op) {
    case Unary::relu:
      return run([](real v) { return cpu::relu(v); });
    case Unary::gelu:
      return run([](real v) { return cpu::gelu(v); });
    case Unary::silu:
      return run([](real v) { return cpu::silu(v); });
    case Unary::tanh:
      return run([](real v) { return cpu::vtanh(v); });
    case Unary::sigmoid:
      return run([](real v) { return cpu::vsigmoid(v); });
    case Unary::exp:
      return run([](real v) { return cpu::vexp(v); });
    case Unary::log:
      return run([](real v) { return cpu::vlog(v); });
    case Unary::softplus:
      return run([](real v) { return cpu::vsoftplus(v); });
    case Unary::square:
      return run([](real v) { return v * v; });
    case Unary::sqrt:
      return run([](real v) { return std::sqrt(v); });
    case Unary::reciprocal:
      return run([](real v) { return 1 / v; });
    case Unary::normal_cdf:
      return run([](real v) { return cpu::vnormal(v).cdf; });
  }
}

// dx (+)= dy · f'(x), f' from x or from y = f(x), whichever is cheaper.
void CpuBackend::unary_backward(Unary op, const real* x, const real* y, const real* dy, real* dx,
                                bool acc, index n) {
  const auto run = [&](const real* from, auto slope) {
    for_pieces(n, kPiece, [=](index first, index last) {
      simd_assign(dx, acc, first, last, [=](index i) { return dy[i] * slope(from[i]); });
    });
  };
  switch (op) {
    case Unary::relu:
      return run(x, [](real v) { return cpu::relu_slope(v); });
    case Unary::gelu:
      return run(x, [](real v) { return cpu::gelu_slope(v); });
    case Unary::silu:
      return run(x, [](real v) { return cpu::silu_slope(v); });
    case Unary::tanh:
      return run(y, [](real v) { return cpu::tanh_slope(v); });
    case Unary::sigmoid:
      return run(y, [](real v) { return cpu::sigmoid_slope(v); });
    case Unary::exp:
      return run(y, [](real v) { return v; });
    case Unary::log:
      return run(x, [](real v) { return 1 / v; });
    case Unary::softplus:
      return run(x, [](real v) { return cpu::vsigmoid(v); });
    case Unary::square:
      return run(x, [](real v) { return 2 * v; });
    case Unary::sqrt:
      return run(y, [](real v) { return real(0.5) / v; });
    case Unary::reciprocal:
      return run(y, [](real v) { return -v * v; });
    case Unary::normal_cdf:
      return run(x, [](real v) { return cpu::vnormal(v).density; });
  }
}

void CpuBackend::binary(Binary op, Spread spread, const real* a, const real* b, real* y, index rows,
                        index cols) {
  const auto run = [&](auto f) {
    if (spread == Spread::same || spread == Spread::scalar) {
      for_pieces(rows * cols, kPiece, [=](index first, index last) {
        if (spread == Spread::same)
          simd_assign(y, false, first, last, [=](index i) { return f(a[i], b[i]); });
        else
          simd_assign(y, false, first, last, [=, v = *b](index i) { return f(a[i], v); });
      });
      return;
    }
    for_pieces(rows, row_piece(cols), [=](index first, index last) {
      for (index row = first; row < last; ++row) {
        const real* from = a + row * cols;
        real* to = y + row * cols;
        if (spread == Spread::row)
          simd_assign(to, false, 0, cols, [=](index i) { return f(from[i], b[i]); });
        else
          simd_assign(to, false, 0, cols, [=, v = b[row]](index i) { return f(from[i], v); });
      }
    });
  };
  switch (op) {
    case Binary::add:
      return run([](real u, real v) { return u + v; });
    case Binary::sub:
      return run([](real u, real v) { return u - v; });
    case Binary::mul:
      return run([](real u, real v) { return u * v; });
    case Binary::div:
      return run([](real u, real v) { return u / v; });
  }
}

void CpuBackend::axpy(real alpha, const real* x, real* y, index n) { scale(alpha, x, y, true, n); }

void CpuBackend::scale(real alpha, const real* x, real* y, bool acc, index n) {
  for_pieces(n, kPiece, [=](index first, index last) {
    simd_assign(y, acc, first, last, [=](index i) { return alpha * x[i]; });
  });
}

void CpuBackend::multiply(const real* a, const real* b, real* y, bool acc, index n) {
  for_pieces(n, kPiece, [=](index first, index last) {
    simd_assign(y, acc, first, last, [=](index i) { return a[i] * b[i]; });
  });
}

void CpuBackend::round_bfloat16(const real* x, real* y, bool acc, index n) {
  for_pieces(n, kPiece, [=](index first, index last) {
    simd_assign(y, acc, first, last, [=](index i) { return cpu::from_bf16(cpu::to_bf16(x[i])); });
  });
}

void CpuBackend::swiglu(const real* a, const real* b, real* y, index n) {
  for_pieces(n, kPiece, [=](index first, index last) {
    simd_assign(y, false, first, last, [=](index i) { return cpu::silu(a[i]) * b[i]; });
  });
}

// da (+)= dy ⊙ b ⊙ silu'(a), db (+)= dy ⊙ silu(a).
void CpuBackend::swiglu_backward(const real* a, const real* b, const real* dy, real* da, bool acc_a,
                                 real* db, bool acc_b, index n) {
  for_pieces(n, kPiece, [=](index first, index last) {
    simd_assign(da, acc_a, first, last,
                [=](index i) { return dy[i] * b[i] * cpu::silu_slope(a[i]); });
    simd_assign(db, acc_b, first, last, [=](index i) { return dy[i] * cpu::silu(a[i]); });
  });
}

void CpuBackend::dropout(const Stream& stream, real rate, const real* x, real* y, bool acc,
                         index n) {
  // uniform = word · 2^-32 >= rate, in integers.
  const auto threshold = static_cast<std::uint64_t>(std::ceil(double(rate) * 0x1p32));
  const real kept = 1 / (1 - rate);
  for_pieces(n, kPiece, [=](index first, index last) {
    alignas(64) std::array<std::uint32_t, cpu::kWords> buffer;
    const std::uint32_t* words = buffer.data();
    for (index at = first; at < last; at += cpu::kWords) {
      const index size = std::min(cpu::kWords, last - at);
      cpu::random_words(stream, at, size, buffer);
      simd_assign(y + at, acc, 0, size, [=, from = x + at](index i) {
        return words[i] >= threshold ? kept * from[i] : real(0);
      });
    }
  });
}

void CpuBackend::dropout_rows(const Stream& stream, real rate, const i32* key, const real* x,
                              real* y, bool acc, index rows, index cols) {
  const auto threshold = static_cast<std::uint64_t>(std::ceil(double(rate) * 0x1p32));
  const real kept = 1 / (1 - rate);
  constexpr index kMost = cpu::kWords - 4;  // words that are used of a call
  for_pieces(rows, row_piece(cols), [=](index first, index last) {
    alignas(64) std::array<std::uint32_t, cpu::kWords> buffer;
    for (index r = first; r < last; ++r)
      for (index c = 0; c < cols; c += kMost) {
        const index size = std::min(kMost, cols - c), own = r * cols + c;
        if (key[r] < 0) {
          simd_assign(y + own, acc, 0, size, [](index) { return real(0); });
          continue;
        }
        const index at = key[r] * cols + c, skipped = at % 4;
        cpu::random_words(stream, at - skipped, size + skipped, buffer);
        simd_assign(y + own, acc, 0, size,
                    [=, words = buffer.data() + skipped, from = x + own](index i) {
                      return words[i] >= threshold ? kept * from[i] : real(0);
                    });
      }
  });
}

}  // namespace moesim
