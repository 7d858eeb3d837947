// CRC-32C (Castagnoli; RFC 3720, appendix B.4), which event files check their records with.
#pragma once

#include <cstdint>
#include <string_view>

namespace moesim {

std::uint32_t crc32c(std::string_view bytes);

// As a record stores it: a CRC over data that holds its own CRC is no good check (TFRecord).
//
//   ((crc >> 15) | (crc << 17)) + 0xa282ead8
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace moesim
