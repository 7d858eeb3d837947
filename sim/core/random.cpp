#include "sim/core/random.hpp"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>

namespace moesim {

std::array<std::uint32_t, 4> random_block(const Stream& stream, std::uint64_t i) {
  using Philox = r123::Philox4x32;
  // Key: the seed. Counter: block number (40 bits), purpose (8), step (32), layer (32 of a mix).
  const Philox::key_type key = {
      {static_cast<std::uint32_t>(stream.seed), static_cast<std::uint32_t>(stream.seed >> 32)}};
  const auto purpose = static_cast<std::uint32_t>(stream.purpose);
  const Philox::ctr_type counter = {{static_cast<std::uint32_t>(i),
                                     static_cast<std::uint32_t>(i >> 32) ^ (purpose << 24),
                                     stream.step, stream.layer}};
  const Philox::ctr_type words = Philox{}(counter, key);
  return {words[0], words[1], words[2], words[3]};
}

std::uint32_t random_word(const Stream& stream, std::uint64_t i) {
  return random_block(stream, i / 4)[i % 4];
}

double random_uniform(const Stream& stream, std::uint64_t i) {
  return random_word(stream, i) * 0x1p-32;
}

std::uint64_t random_below(const Stream& stream, std::uint64_t i, std::uint64_t bound) {
  const auto words = random_block(stream, i / 2);
  const std::uint64_t low = words[(i % 2) * 2];
  const std::uint64_t high = words[(i % 2) * 2 + 1];
  const std::uint64_t word = (high << 32) | low;
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(word) * bound) >> 64);
}

double random_normal(const Stream& stream, std::uint64_t i) {
  const auto words = random_block(stream, i / 2);
  const std::uint32_t a = words[(i % 2) * 2];
  const std::uint32_t b = words[(i % 2) * 2 + 1];
  const double radius = std::sqrt(-2.0 * std::log((a + 1.0) * 0x1p-32));
  return radius * std::cos(2.0 * std::numbers::pi * (b * 0x1p-32));
}

}  // namespace moesim
