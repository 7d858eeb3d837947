// Text that may be meant as it is, but looks like something else: text in an encoding of one byte a
// letter, numbers in a table, token ids written out. What cannot be meant is refused (foreign.hpp).
#pragma once

#include <string>
#include <string_view>

namespace moesim {

// "looks like ...: the way out"; "" if nothing is doubtful. Numbers are looked for in the first
// megabyte.
std::string doubt_about(std::string_view text);

}  // namespace moesim
