// Decodes an HDF5 file to a RunFile. Only read_run_file and RunReader call this, in a child process
// where a crash is harmless. Every function throws std::exception with the reason, without the
// path.
#pragma once

#include "sim/record/reader.hpp"
#include "sim/record/run_file.hpp"

#include <string>

namespace moesim {

// Reads the whole file, or all but its traces (variables trace_*).
enum class Traces { with, without };
RunFile decode(const std::string& path, Traces traces);
// Reads an excerpt. The first length of a variable is the number of rows read.
RunFile decode(const std::string& path, const Excerpt& excerpt);
// Reads every value, slice by slice, and checks the digest and conservation. Returns the attributes
// plus two more, which replace any in the file: kRewrittenBy, the library that has rewritten the
// file ("" if none is known), and kDigestHolds. Throws if the digest does not hold and no library
// has rewritten the file.
RunFile decode_checked(const std::string& path);
inline constexpr const char* kRewrittenBy = "checked_rewritten_by";
inline constexpr const char* kDigestHolds = "checked_digest_holds";

}  // namespace moesim
