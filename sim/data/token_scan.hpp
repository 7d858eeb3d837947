// What is known of token ids before training: which occur how often, the largest, and a hash. Ids
// up to kReadWhole bytes are all read. Of more, a sample is: kBlocks blocks of kBlock ids from the
// beginning to the end of each stretch, evenly spaced. The hash is then of the sample and of the
// number of tokens, so a change between the blocks goes unnoticed.
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
  std::vector<std::int64_t> counts;  // by id, as long as the largest id needs
  std::string sha256;                // of the ids as 32 bits each, the low byte first
  index read = 0;                    // of the ids
};

// `blocks`: of a sample; 0: everything is read.
TokenScan scan_tokens(const Stretch& tokens, index blocks);

}  // namespace moesim
