// Writes the result of a command to the target of --out.
#pragma once

#include "sim/io/publish.hpp"

#include <string>
#include <string_view>

namespace moesim {

// Writes to stdout if `out` is empty, directly to a device or a pipe, and atomically to a file
// (publish_pieces). Throws Exit::output.
void write_output(const std::string& out, const Pieces& pieces);
void write_output(const std::string& out, std::string_view bytes);
// Throws Exit::output if `out` is a file that a run wrote or will write in its folder (links are
// followed). write_output does so too.
void require_not_of_a_run(const std::string& out);
// For files that are written as a whole: also if `out` is a folder, a device or a pipe.
void require_file(const std::string& out);

}  // namespace moesim
