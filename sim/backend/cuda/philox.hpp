// Computes Philox4x32-10 (Salmon et al. 2011) on the device: the generator of sim/core/random.hpp,
// with the same words.
#pragma once

#include "sim/core/random.hpp"
#include "sim/core/types.hpp"

#include <cstdint>
#include <cuda_runtime.h>

namespace moesim::cuda {

// Words 4 · block .. 4 · block + 3 of the stream.
__device__ inline void random_block(const Stream& stream, index block, std::uint32_t* words) {
  const auto at = static_cast<std::uint64_t>(block);
  auto c0 = static_cast<std::uint32_t>(at);
  auto c1 = static_cast<std::uint32_t>(at >> 32) ^ static_cast<std::uint32_t>(stream.purpose) << 24;
  std::uint32_t c2 =
      stream.step_at != nullptr ? static_cast<std::uint32_t>(*stream.step_at) : stream.step;
  std::uint32_t c3 = stream.layer;
  auto k0 = static_cast<std::uint32_t>(stream.seed);
  auto k1 = static_cast<std::uint32_t>(stream.seed >> 32);
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
  words[0] = c0, words[1] = c1, words[2] = c2, words[3] = c3;
}

}  // namespace moesim::cuda
