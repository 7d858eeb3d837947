// random_words() generates the words of sim/core/random.hpp in bulk, in vector code.
#pragma once

#include "sim/backend/cpu/vector_inline.hpp"
#include "sim/core/random.hpp"

#include <array>
#include <cstdint>

namespace moesim::cpu {

inline constexpr index kWords = 1024;  // most words per call

// Words first .. first + n - 1 of the stream, n <= kWords. `first` is a multiple of 4, and up to
// three further words are written. Philox4x32-10 (Salmon et al. 2011), one block of four words per
// vector lane; equal to random_word, which is the definition.
inline void random_words(const Stream& stream, index first, index n,
                         std::array<std::uint32_t, kWords>& out) {
  const auto block = static_cast<std::uint64_t>(first) / 4;
  std::uint32_t* words = out.data();
  const auto seed = stream.seed;
  const auto purpose = static_cast<std::uint32_t>(stream.purpose) << 24;
  const auto step =
      stream.step_at != nullptr ? static_cast<std::uint32_t>(*stream.step_at) : stream.step;
  const auto layer = stream.layer;
  simd_loop(0, (n + 3) / 4, [=](index i) {
    const std::uint64_t at = block + static_cast<std::uint64_t>(i);
    auto c0 = static_cast<std::uint32_t>(at);
    auto c1 = static_cast<std::uint32_t>(at >> 32) ^ purpose;
    auto c2 = step, c3 = layer;
    auto k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t u = std::uint64_t{0xD2511F53u} * c0;
      const std::uint64_t v = std::uint64_t{0xCD9E8D57u} * c2;
      c0 = static_cast<std::uint32_t>(v >> 32) ^ c1 ^ k0;
      c1 = static_cast<std::uint32_t>(v);
      c2 = static_cast<std::uint32_t>(u >> 32) ^ c3 ^ k1;
      c3 = static_cast<std::uint32_t>(u);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    words[4 * i] = c0;
    words[4 * i + 1] = c1;
    words[4 * i + 2] = c2;
    words[4 * i + 3] = c3;
  });
}

}  // namespace moesim::cpu
