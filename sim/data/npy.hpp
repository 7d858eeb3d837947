// Reads the header of NumPy's .npy format, versions 1 to 3: a Python dictionary, followed by the
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

// NpyArray is the type, shape and position of the numbers in a file.
struct NpyArray {
  const IdType* type = nullptr;
  std::vector<index> shape;  // 1 to 8 sizes, none of them 0
  index count = 0;           // their product
  std::uint64_t begin = 0;   // offset of the first number in the file
};

// Reads the header only. Throws Exit::data unless the file holds little-endian integers in C order,
// as many as the shape says.
NpyArray npy_array(const InputFile& file);

// "60000 x 28 x 28"
std::string shape_text(const std::vector<index>& shape);

}  // namespace moesim
