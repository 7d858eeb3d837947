// An HDF5 file as a run file. For read_run_file and RunReader, which call it where a crash does no
// harm. Every function throws std::exception with the reason, without the path.
#pragma once

#include "sim/record/reader.hpp"
#include "sim/record/run_file.hpp"

#include <string>

namespace moesim {

// All of it.
RunFile decode(const std::string& path);
// A part. The first length of a variable is that of the rows that were read.
RunFile decode(const std::string& path, const Excerpt& excerpt);
// Reads every value, in memory for a slice of it, and checks the digest and that records add up.
// Returns the attributes, and these two beside them, whatever the file has under their names: the
// library that has rewritten the file, "" if none says so, and whether the digest holds. It must,
// unless the file was rewritten.
RunFile decode_checked(const std::string& path);
inline constexpr const char* kRewrittenBy = "checked_rewritten_by";
inline constexpr const char* kDigestHolds = "checked_digest_holds";

}  // namespace moesim
