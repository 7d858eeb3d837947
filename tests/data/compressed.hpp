// Compresses text with gzip and zstd.
#pragma once

#include <zlib.h>

#include <string>

namespace moesim::testing {

// One gzip member.
inline std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// One zstd frame that stores its text in one block of up to 128 KiB as it is (RFC 8878, 3.1.1): a
// window descriptor of 128 KiB, no sum, no size.
inline std::string zstd_stored(const std::string& text) {
  const auto header = static_cast<unsigned>(text.size() << 3 | 1);  // last block, raw
  std::string frame("\x28\xb5\x2f\xfd\x00\x38", 6);
  for (int shift = 0; shift < 24; shift += 8) frame += static_cast<char>(header >> shift);
  return frame + text;
}

// One zstd frame of `blocks` blocks of 128 KiB of one byte each (RLE blocks of 4 bytes).
inline std::string zstd_bomb(int blocks) {
  std::string frame("\x28\xb5\x2f\xfd\x00\x38", 6);
  for (int block = 1; block <= blocks; ++block) {
    const unsigned header = (128u << 10) << 3 | 1u << 1 | (block == blocks ? 1u : 0u);
    for (int shift = 0; shift < 24; shift += 8) frame += static_cast<char>(header >> shift);
    frame += 'x';
  }
  return frame;
}

}  // namespace moesim::testing
