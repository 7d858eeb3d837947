#include "sim/data/order.hpp"

#include "sim/core/error.hpp"
#include "sim/core/random.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>

namespace moesim {

// A Feistel network permutes 0 .. 4^bits - 1 for any round function; following its cycle until the
// value is below n gives a permutation of 0 .. n-1 (cycle walking, Black and Rogaway 2002). The
// domain has at most 4 n values, so at worst 4 steps on average.
index shuffled(index i, index n, std::uint64_t seed, index epoch) {
  constexpr std::uint32_t kRounds = 6;
  const int bits =
      std::max(1, (static_cast<int>(std::bit_width(static_cast<std::uint64_t>(n - 1))) + 1) / 2);
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  auto value = static_cast<std::uint64_t>(i);
  do {
    std::uint64_t left = value >> bits, right = value & mask;
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      const Stream stream{seed, Purpose::data, static_cast<std::uint32_t>(epoch), round};
      const std::uint64_t mixed = left ^ (random_word(stream, right) & mask);
      left = right;
      right = mixed;
    }
    value = left << bits | right;
  } while (value >= static_cast<std::uint64_t>(n));
  return static_cast<index>(value);
}

// Multiples of the golden section modulo 1 fill the interval evenly (Kronecker sequence); here in
// integers, with a stride coprime to n.
index spread(index i, index n) {
  auto stride = static_cast<index>(static_cast<double>(n) / std::numbers::phi);
  while (std::gcd(stride, n) != 1) ++stride;
  return static_cast<index>(static_cast<unsigned __int128>(i) * static_cast<std::uint64_t>(stride) %
                            static_cast<std::uint64_t>(n));
}

BatchRows rows_of_step(index step, index batch_size, index n) {
  if (step < 0 || batch_size < 1 || n < 1)
    fail_in("batch", "step " + std::to_string(step) + " of " + std::to_string(batch_size) +
                         " rows from " + std::to_string(n));
  const index batches = (n - 1) / batch_size + 1;
  const index first = step % batches * batch_size;
  return {first, std::min(batch_size, n - first)};
}

}  // namespace moesim
