// Computes CRC-32C (Castagnoli; RFC 3720, appendix B.4), the checksum of records in event files.
#pragma once

#include <cstdint>
#include <string_view>

namespace moesim {

std::uint32_t crc32c(std::string_view bytes);

// Returns the masked CRC that a record stores, because a CRC over data that contains its own CRC is
// a weak check (TFRecord):
//
//   ((crc >> 15) | (crc << 17)) + 0xa282ead8
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace moesim
