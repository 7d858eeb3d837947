// Files that may be compressed by gzip or zstd, which is told by their first bytes.
#pragma once

#include <cstdint>
#include <string>

namespace moesim {

// The contents of a file, expanded: any number of gzip members or zstd frames one behind the other;
// other files as they are. Throws Exit::data for a file that ends early, is broken, or expands to
// more than `limit` bytes or, from kFreeExpansion on, to more than kMostExpansion times its size,
// as text never does; Exit::usage for zstd in a build without it.
std::string read_expanded(const std::string& path, std::uint64_t limit);

inline constexpr std::uint64_t kMostExpansion = 200;
inline constexpr std::uint64_t kFreeExpansion = std::uint64_t{64} << 20;

}  // namespace moesim
