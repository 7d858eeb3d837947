// The IDX format of MNIST: a magic number (type and rank), the dimensions as big-endian 32-bit
// numbers, then bytes.
#pragma once

#include "sim/data/images.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// Plain or compressed by gzip. Memory follows the data that are there, not what the header claims.
// Throws (exit 3) with what was expected and what was found.
ImageStack read_idx_images(const std::string& path);
std::vector<std::uint8_t> read_idx_labels(const std::string& path);

}  // namespace moesim
