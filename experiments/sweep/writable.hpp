// Checks that results can be written, before any work is done.
#pragma once

#include <string>

namespace moesim {

// Creates the folder and those above it, and writes a file there for a moment. On failure removes
// what it created, and nothing else, and throws Exit::output; the message names the target of a
// link that leads nowhere.
void require_writable(const std::string& folder);

}  // namespace moesim
