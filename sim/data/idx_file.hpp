// Reads the IDX format of MNIST: a magic number (type and rank), the dimensions as big-endian
// 32-bit integers, then bytes.
#pragma once

#include "sim/data/images.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// Plain or gzip files. Memory is bounded by the data in the file, whatever the header declares.
// Throws (exit 3) with expected and found values.
ImageStack read_idx_images(const std::string& path);
std::vector<std::uint8_t> read_idx_labels(const std::string& path);

}  // namespace moesim
