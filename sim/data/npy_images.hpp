// Reads images and labels from NumPy arrays (.npy).
#pragma once

#include "sim/data/images.hpp"
#include "sim/data/npy.hpp"

#include <string>
#include <vector>

namespace moesim {

// Bytes of shape N x H x W, N x H x W x C or N x C x H x W with C at most 4 (channels last if both
// fit). Throws (exit 3) with expected and found values.
ImageStack read_npy_images(const std::string& path);

// Integers from 0 to 255 of shape N or N x 1.
std::vector<std::uint8_t> read_npy_labels(const std::string& path);

}  // namespace moesim
