// scan_tokens computes counts and a hash of token ids before training. Up to kReadWhole bytes, it
// reads all ids. Beyond that it reads a sample: kBlocks blocks of kBlock ids, evenly spaced from
// the first to the last id of each stretch. The hash then covers the sample and the number of
// tokens, so a change between the blocks goes unnoticed.
#pragma once

#include "sim/data/windows.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

inline constexpr std::uint64_t kReadWhole = std::uint64_t{256} << 20;
inline constexpr index kBlock = 1 << 16;
inline constexpr index kBlocks = 64;

struct TokenScan {
  std::vector<std::int64_t> counts;  // by id; largest id + 1 entries
  std::string sha256;                // of the ids as little-endian 32-bit integers
  index read = 0;                    // number of ids read
};

// Scans `blocks` blocks of a stretch; 0: all of it.
TokenScan scan_tokens(const Stretch& tokens, index blocks);

}  // namespace moesim
