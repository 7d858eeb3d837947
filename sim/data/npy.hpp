// The .npy format of NumPy, versions 1 to 3: a header that is a Python dictionary, then the
// numbers.
#pragma once

#include "sim/core/types.hpp"
#include "sim/data/id_type.hpp"
#include "sim/io/file.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace moesim {

bool is_npy(std::string_view begin);

// Where the numbers of a file are.
struct NpyArray {
  const IdType* type = nullptr;
  std::vector<index> shape;  // 1 to 8 sizes, none of them 0
  index count = 0;           // their product
  std::uint64_t begin = 0;   // of the first number in the file
};

// Throws Exit::data for anything but whole numbers, the low byte first, in the order of C, as many
// as the shape says. Nothing but the header is read.
NpyArray npy_array(const InputFile& file);

// "60000 x 28 x 28"
std::string shape_text(const std::vector<index>& shape);

}  // namespace moesim
