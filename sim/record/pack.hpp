// A run file as plain bytes, for the way from one process to another on the same machine.
#pragma once

#include "sim/record/run_file.hpp"

#include <string>

namespace moesim {

std::string pack(const RunFile& run);
// Throws std::runtime_error if the bytes are not what pack() made.
RunFile unpack(const std::string& bytes);

}  // namespace moesim
