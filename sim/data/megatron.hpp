// Reads the index of Megatron-LM's data sets (.idx, version 1), which holds the positions of the
// sequences in the .bin file next to it:
//
//   9 bytes   "MMIDIDX\0\0"
//   8         1, the version
//   1         the type of the ids (IdType::megatron)
//   8, 8      n, the number of sequences; d, the number of document boundaries
//   4 n       tokens of each sequence
//   8 n       offset of each sequence in the .bin, in bytes
//   8 d       number of the sequence that each document begins with, and n at the end
//   n or 0    mode of each sequence, in multimodal data; not read
//
// All numbers are little-endian integers.
#pragma once

#include "sim/core/types.hpp"
#include "sim/data/id_type.hpp"
#include "sim/io/file.hpp"

#include <vector>

namespace moesim {

bool is_megatron_index(const InputFile& file);

// TokenRun is a sequence of consecutive tokens in a file.
struct TokenRun {
  std::uint64_t begin;  // in bytes
  index count;
};

struct MegatronIndex {
  const IdType* type = nullptr;
  std::vector<TokenRun> runs;  // of all sequences in order; adjacent ones are merged
  index sequences = 0, documents = 0;
};

// Reads the arrays in slices. Throws Exit::data for an index that is truncated or points outside a
// .bin of `bin_bytes` bytes.
MegatronIndex read_megatron_index(const InputFile& file, std::uint64_t bin_bytes);

}  // namespace moesim
