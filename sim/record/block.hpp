// Encodes and decodes blocks. A block is a number of whole rows of a variable, the unit of
// compression, hashing and storage: one chunk of the HDF5 file and one leaf of the digest.
#pragma once

#include "sim/record/run_file.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

inline constexpr std::size_t kLeastBlockValues = 8192;
inline constexpr int kDeflateLevel = 4;
// Rows per block for a variable of this shape: the fewest with at least kLeastBlockValues values.
std::int64_t block_rows(const std::vector<std::int64_t>& shape);
// Number of values in one row.
std::int64_t row_values(const std::vector<std::int64_t>& shape);
// Stored size of one value.
std::size_t bytes_each(Variable::Type type);

// The name of a variable's blocks in a store: "aux_loss/2" for rows of two values. If the rows
// become longer, the blocks start over under a new name.
std::string block_key(const Variable& variable);

// Number of rows in finished blocks. The other rows are in `values`.
std::int64_t finished_rows(const Variable& variable);

// Encodes `count` values from `first` on: little-endian, in the variable's type. Throws
// Exit::internal for a number that the type cannot represent.
std::string stored_values(const Variable& variable, std::size_t first, std::size_t count);

// Decodes stored values.
std::vector<double> numbers_of(std::string_view stored, Variable::Type type);

// Compresses stored values to an HDF5 chunk: shuffle, deflate, Fletcher's checksum at the end.
std::string filtered(std::string_view stored, std::size_t bytes_each);
// Decompresses a chunk of `count` values. Throws Exit::data if it is damaged.
std::string unfiltered(std::string_view chunk, std::size_t bytes_each, std::size_t count);

// The leaf of the digest: SHA-256 of the stored values, 32 bytes.
std::string leaf_of(std::string_view stored);

}  // namespace moesim
