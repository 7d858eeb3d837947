// Writes binary files for tests: little-endian numbers, and the headers of other programs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moesim::testing {

// The low bytes of a number.
inline std::string little(std::int64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i)
    text += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  return text;
}

inline std::string little(const std::vector<std::int64_t>& values, int bytes) {
  std::string text;
  for (const std::int64_t value : values) text += little(value, bytes);
  return text;
}

// As numpy.save writes it, in version 1: the header ends at a multiple of 64 bytes.
inline std::string npy(const std::string& descr, const std::string& shape, const std::string& data,
                       const std::string& fortran = "False") {
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  return "\x93NUMPY" + std::string("\1\0", 2) +
         little(static_cast<std::int64_t>(header.size()), 2) + header + data;
}

// As Megatron-LM writes it.
inline std::string megatron_index(int code, const std::vector<std::int64_t>& lengths,
                                  const std::vector<std::int64_t>& offsets,
                                  const std::vector<std::int64_t>& documents,
                                  std::int64_t version = 1) {
  return std::string("MMIDIDX\0\0", 9) + little(version, 8) + little(code, 1) +
         little(static_cast<std::int64_t>(lengths.size()), 8) +
         little(static_cast<std::int64_t>(documents.size()), 8) + little(lengths, 4) +
         little(offsets, 8) + little(documents, 8);
}

}  // namespace moesim::testing
