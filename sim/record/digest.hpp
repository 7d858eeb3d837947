// Computes the digest of a run file: SHA-256 of its contents, independent of the file layout.
//
// Each variable is hashed block by block (block.hpp), so a finished block is hashed once, and a
// reader needs memory for one block. Files of earlier versions have another digest, which hashes
// all values of a variable together.
#pragma once

#include "sim/io/sha256.hpp"
#include "sim/record/run_file.hpp"

#include <map>
#include <string>

namespace moesim {

// Attributes that hold the digest: the current one and that of earlier versions.
inline constexpr const char* kDigest = "sha256_blocks";
inline constexpr const char* kEarlierDigest = "sha256";

// Hashes the attributes, equally for both digests: without the digests, the schema and the
// attributes that repeat settings.
void add_attributes(Sha256& sum, const std::map<std::string, Attribute>& attributes);
// Hashes name, dimensions, shape, descriptions and texts of a variable. The caller adds its leaves
// or values after that, and goes through the variables sorted by name.
void add_description(Sha256& sum, const Variable& variable);

}  // namespace moesim
