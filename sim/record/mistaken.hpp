// Recognises a file that was given by mistake instead of a run file.
#pragma once

#include <string>

namespace moesim {

// Returns "it is a config file; ..." or "it is a text file; ..." with a remedy; "" for other files.
std::string mistaken_file(const std::string& path);

}  // namespace moesim
