// Show receives the lines that tell how a run goes; duration() writes a time for them.
#pragma once

#include <functional>
#include <string>

namespace moesim {

// Called with every line: one to keep, or one that the next line replaces.
using Show = std::function<void(const std::string& line, bool keep)>;

// "3h07m"
std::string duration(double seconds);

}  // namespace moesim
