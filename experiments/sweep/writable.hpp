// Checks before training that results can be written.
#pragma once

#include <string>

namespace moesim {

// Creates the folder and its parents, and writes and removes a test file. On failure removes only
// what it created and throws Exit::output; the message names the target of a dangling link.
void require_writable(const std::string& folder);

}  // namespace moesim
