// The index of Megatron-LM's data sets (.idx, version 1), which tells where in the .bin beside it
// the sequences lie:
//
//   9 bytes   "MMIDIDX\0\0"
//   8         1, the version
//   1         the type of the ids (IdType::megatron)
//   8, 8      n, the number of sequences; d, that of document boundaries
//   4 n       tokens of each sequence
//   8 n       where in the .bin each begins, in bytes
//   8 d       number of the sequence that each document begins with, and n at the end
//   n or 0    mode of each sequence, of data that are not only text; not read
//
// All numbers are whole, the low byte first.
#pragma once

#include "sim/core/types.hpp"
#include "sim/data/id_type.hpp"
#include "sim/io/file.hpp"

#include <vector>

namespace moesim {

bool is_megatron_index(const InputFile& file);

// Tokens that lie one behind the other in a file.
struct Run {
  std::uint64_t begin;  // in bytes
  index count;
};

struct MegatronIndex {
  const IdType* type = nullptr;
  std::vector<Run> runs;  // of all sequences in order; those that join are one
  index sequences = 0, documents = 0;
};

// Throws Exit::data for an index that is not whole or points outside of a .bin of so many bytes.
// Its arrays are read in slices.
MegatronIndex read_megatron_index(const InputFile& file, std::uint64_t bin_bytes);

}  // namespace moesim
