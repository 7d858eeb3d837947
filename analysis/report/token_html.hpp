// Makes the text of a token visible as HTML: control characters, spaces that have no width, and
// bytes that are part of a character.
#pragma once

#include <string>
#include <string_view>

namespace moesim {

// Characters of a token that are shown at most.
inline constexpr std::size_t kMostCharacters = 40;

// Control characters become their names (<code>LF</code>), characters without width and those that
// change the direction of text their code points (<code>U+202E</code>), bytes that are not UTF-8
// their numbers (<code>E2</code>). A token without characters is <code>empty</code>.
std::string token_html(std::string_view bytes);

}  // namespace moesim
