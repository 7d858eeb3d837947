// Folded is a text without the differences of case and white space.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moesim {

struct Folded {
  std::string text;
  std::vector<std::size_t> begin;  // [characters + 1] offsets of characters, and the end
};

// Lower-cases letters of Latin, Greek and Cyrillic (U+0041 to U+024F and U+0370 to U+052F) by the simple
// mappings of Unicode, replaces each stretch of white space by a space, and removes it at both ends. A byte that is not valid UTF-8 stays, as a
// character of its own. The same on every system: there is no locale.
Folded fold(std::string_view text);

// The lower-case letter of a code point; itself if it is none of these.
char32_t lower_case(char32_t c);

}  // namespace moesim
