// A block is a number of whole rows of a variable, the unit in which values are compressed, summed
// and stored: each is one chunk of the HDF5 file, and one leaf of the digest.
#pragma once

#include "sim/record/run_file.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

inline constexpr std::size_t kLeastBlockValues = 8192;
// Rows of a block of a variable of this shape: as few as make that many values.
std::int64_t block_rows(const std::vector<std::int64_t>& shape);
// Values of one row.
std::int64_t row_values(const std::vector<std::int64_t>& shape);
// Bytes of one value as it is stored.
std::size_t bytes_each(Variable::Type type);

// The name of its blocks in a store: "aux_loss/2" for rows of two values. A variable whose rows
// become longer begins anew there.
std::string block_key(const Variable& variable);

// Rows that are in finished blocks, and those in `values`.
std::int64_t finished_rows(const Variable& variable);

// The values from `first` on as they are stored: little-endian, of the variable's type. Throws
// Exit::internal for a number that its type cannot hold.
std::string stored_values(const Variable& variable, std::size_t first, std::size_t count);

// The other way.
std::vector<double> numbers_of(std::string_view stored, Variable::Type type);

// As a chunk of HDF5: shuffled, deflated, and with Fletcher's checksum at the end.
std::string filtered(std::string_view stored, std::size_t bytes_each);
// The other way, for so many values. Throws Exit::data for a chunk that is damaged.
std::string unfiltered(std::string_view chunk, std::size_t bytes_each, std::size_t count);

// The 32 bytes of SHA-256.
std::string leaf_of(std::string_view stored);

}  // namespace moesim
