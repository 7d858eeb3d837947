// Arrays of random numbers. Pieces start at a multiple of four draws, the size of a random block.
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/random_words.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace moesim {
namespace {

constexpr index kPiece = 16384;

}  // namespace

void CpuBackend::uniform(const Stream& stream, real low, real high, real* y, index n) {
  const double start = low, width = double(high) - double(low);
  // Rounding to real may give `high`, which the interval excludes.
  const real top = high > low ? std::nextafter(high, low) : low;
  for_pieces(n, kPiece, [=](index first, index last) {
    alignas(64) std::array<std::uint32_t, cpu::kWords> buffer;
    const std::uint32_t* words = buffer.data();
    for (index at = first; at < last; at += cpu::kWords) {
      const index size = std::min(cpu::kWords, last - at);
      cpu::random_words(stream, at, size, buffer);
      cpu::simd_loop(0, size, [=, to = y + at](index i) {
        to[i] = std::min(static_cast<real>(start + width * (words[i] * 0x1p-32)), top);
      });
    }
  });
}

// Box and Muller (1958), one draw from two words as in random_normal. Always in double and in
// scalar code, so that all devices get the same number.
void CpuBackend::normal(const Stream& stream, real* y, index n) {
  for_pieces(n, kPiece, [=](index first, index last) {
    alignas(64) std::array<std::uint32_t, cpu::kWords> words;
    constexpr index kDraws = cpu::kWords / 2;
    for (index at = first; at < last; at += kDraws) {
      const index size = std::min(kDraws, last - at);
      cpu::random_words(stream, 2 * at, 2 * size, words);
      for (index i = 0; i < size; ++i) {
        const double u = (words[static_cast<std::size_t>(2 * i)] + 1.0) * 0x1p-32;
        const double v = words[static_cast<std::size_t>(2 * i + 1)] * 0x1p-32;
        y[at + i] =
            static_cast<real>(std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v));
      }
    }
  });
}

}  // namespace moesim
