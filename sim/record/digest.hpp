// The digest of a run file: SHA-256 of everything that it says, however it is laid out.
//
// Each variable is summed block by block (block.hpp), so that a block that is finished is summed
// once, and a reader needs memory for one block. Files of earlier versions have another digest,
// which sums the values of each variable as one.
#pragma once

#include "sim/io/sha256.hpp"
#include "sim/record/run_file.hpp"

#include <map>
#include <string>

namespace moesim {

// The attribute that holds it, and the one of earlier versions.
inline constexpr const char* kDigest = "sha256_blocks";
inline constexpr const char* kEarlierDigest = "sha256";

// The part of both that is the same: attributes, without the digests, the schema and those that
// repeat settings.
void add_attributes(Sha256& sum, const std::map<std::string, Attribute>& attributes);
// Name, dimensions, shape, descriptions and texts of a variable. The variables come in the order of
// their names; their leaves, or their values, follow.
void add_description(Sha256& sum, const Variable& variable);

}  // namespace moesim
