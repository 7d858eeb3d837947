// What a file is that was named in the place of a run file.
#pragma once

#include <string>

namespace moesim {

// "it is a config file; ...", "it is a text file; ...": what the file at `path` is and what to do;
// "" for any other file.
std::string mistaken_file(const std::string& path);

}  // namespace moesim
