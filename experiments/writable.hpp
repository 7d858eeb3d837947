// Is there a place for results?
#pragma once

#include <string>

namespace moesim {

// Makes the folder, with those above it, and tries to write there. Throws Exit::output if that
// cannot be, naming the target of a link that leads nowhere; what was created here, and nothing
// else, is taken away again then.
void require_writable(const std::string& folder);

}  // namespace moesim
