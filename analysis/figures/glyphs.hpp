// Characters that no font of this machine has.
#pragma once

#include <string>

namespace moesim {

struct Printable {
  std::string text;     // with '?' in place of such characters
  std::string missing;  // each of them once
};

// gnuplot draws a character without a glyph as a box many times its size. Asks fontconfig, as
// gnuplot does, for the characters beyond Latin-1; without fontconfig's fc-list, all are kept.
Printable printable_here(const std::string& text);

}  // namespace moesim
