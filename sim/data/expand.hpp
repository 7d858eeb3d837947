// Reads files that may be compressed with gzip or zstd, recognised by their first bytes.
#pragma once

#include <cstdint>
#include <string>

namespace moesim {

// Returns the decompressed contents of a file: any number of consecutive gzip members or zstd
// frames; other files unchanged. Throws Exit::data for a file that is truncated or corrupt, or that
// expands to more than `limit` bytes or, beyond kFreeExpansion bytes, to more than kMostExpansion
// times its size, which text never does. Throws Exit::usage for zstd in a build without it.
std::string read_expanded(const std::string& path, std::uint64_t limit);

inline constexpr std::uint64_t kMostExpansion = 200;
inline constexpr std::uint64_t kFreeExpansion = std::uint64_t{64} << 20;

}  // namespace moesim
