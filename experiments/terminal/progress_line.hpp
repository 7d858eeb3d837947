// Show is a callback that receives the progress lines of a run; duration() formats a time for them.
#pragma once

#include <functional>
#include <string>

namespace moesim {

// Called with every line. `keep`: permanent; otherwise the next line replaces it.
using Show = std::function<void(const std::string& line, bool keep)>;

// Formats a duration: "3h07m".
std::string duration(double seconds);

}  // namespace moesim
