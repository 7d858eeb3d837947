// Detects text that is valid but looks unintended: a single-byte encoding such as Latin-1, a table
// of numbers, token ids written as text. It leads to a note; foreign.hpp detects files that are
// refused.
#pragma once

#include <string>
#include <string_view>

namespace moesim {

// Returns "looks like ...: remedy", or "". Only the first megabyte is searched for numbers.
std::string doubt_about(std::string_view text);

}  // namespace moesim
