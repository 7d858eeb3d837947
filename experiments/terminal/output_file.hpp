// Writes the result of a command to the target of --out, or of another option.
#pragma once

#include "sim/io/publish.hpp"

#include <string>
#include <string_view>

namespace moesim {

// Writes to stdout if `out` is empty, directly to a device or a pipe, and atomically to a file
// (publish_pieces). option: what gave `out`, for errors. Throws Exit::output.
void write_output(const std::string& out, const Pieces& pieces, const char* option = "--out");
void write_output(const std::string& out, std::string_view bytes, const char* option = "--out");
// Throws Exit::output if `out` is a file that a run wrote or will write in its folder (links are
// followed). write_output does so too.
void require_not_of_a_run(const std::string& out);
// For files that are written as a whole: also if `out` is a folder, a device or a pipe.
void require_file(const std::string& out);

}  // namespace moesim
