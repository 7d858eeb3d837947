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

// The most bytes of a file that its header can end behind.
inline constexpr std::size_t kMostNpyHeader = (std::size_t{1} << 16) + 12;

// NpyHeader is what the header of an array in C order says; nothing is known about the numbers.
struct NpyHeader {
  std::string descr;         // "<f4"
  std::vector<index> shape;  // 1 to 8 sizes, none of them 0
  index count = 0;           // their product
  std::uint64_t begin = 0;   // offset of the first number

  // Throws Exit::data unless `bytes`, all of the file, hold exactly `count` numbers.
  void require_size(const std::string& where, std::uint64_t bytes, int bytes_each) const;
  // True for a little-endian type with this code: "f4".
  bool is_of(std::string_view code) const;
};

// Parses the header. start: the first bytes of the file, at least the lesser of its size `bytes`
// and kMostNpyHeader. Throws Exit::data.
NpyHeader npy_header(const std::string& where, std::string_view start, std::uint64_t bytes);

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
