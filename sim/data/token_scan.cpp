#include "sim/data/token_scan.hpp"

#include "sim/io/sha256.hpp"

#include <algorithm>

namespace moesim {

TokenScan scan_tokens(const Stretch& tokens, index blocks) {
  TokenScan scan;
  Sha256 hash;
  std::string bytes;
  const auto read = [&](const Stretch& part) {
    each_slice(part, [&](index, const std::vector<std::int32_t>& ids) {
      bytes.resize(4 * ids.size());
      char* to = bytes.data();
      for (const std::int32_t id : ids) {
        const auto at = static_cast<std::size_t>(id);
        if (at >= scan.counts.size()) scan.counts.resize(at + 1);
        ++scan.counts[at];
        for (int shift = 0; shift < 32; shift += 8) *to++ = static_cast<char>(id >> shift);
      }
      hash.add(bytes);
    });
    scan.read += part.count;
  };
  if (blocks == 0 || blocks * kBlock >= tokens.count) {
    read(tokens);
  } else {
    for (index block = 0; block < blocks; ++block) {
      // The first block starts with the first id, the last block ends with the last one.
      const auto place = static_cast<unsigned __int128>(tokens.count - kBlock) *
                         static_cast<std::uint64_t>(block) /
                         static_cast<std::uint64_t>(std::max<index>(1, blocks - 1));
      read({tokens.row, tokens.first + static_cast<index>(place), kBlock});
    }
  }
  scan.sha256 = hash.hex();
  return scan;
}

}  // namespace moesim
