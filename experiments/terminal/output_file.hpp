// Writes what a command makes to where --out says.
#pragma once

#include "sim/io/publish.hpp"

#include <string>
#include <string_view>

namespace moesim {

// To stdout if `out` is empty; to a device or a pipe as it is; else to a file that appears whole or
// not at all (publish_pieces). Throws Exit::output.
void write_output(const std::string& out, const Pieces& pieces);
void write_output(const std::string& out, std::string_view bytes);

}  // namespace moesim
