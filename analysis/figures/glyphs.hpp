// Replaces characters for which this machine has no font. gnuplot would draw each as a box many
// times its size.
#pragma once

#include <string>

namespace moesim {

// Printable is text that can be drawn, and the characters that it lost.
struct Printable {
  std::string text;     // '?' replaces each missing character
  std::string missing;  // each of them once
};

// Looks up characters beyond Latin-1 in fontconfig, as gnuplot does. Keeps all characters where
// fontconfig's fc-list is not installed.
Printable printable_here(const std::string& text);

}  // namespace moesim
