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

}  // namespace moesim
