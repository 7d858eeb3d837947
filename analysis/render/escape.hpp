// Text from a file, made safe for where it goes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace moesim {

// Without control characters, which a terminal would obey; bytes that are no UTF-8 become '?'.
std::string terminal_safe(std::string_view text);

// The characters (code points) of UTF-8 text.
std::size_t characters_in(std::string_view text);

// A cell of RFC 4180. A spreadsheet takes what begins with = + - @ for a formula, so it gets a ' in
// front, unless it is a number.
std::string csv_cell(const std::string& text);

// A cell of a table in Markdown: nothing in it is markup.
std::string markdown_cell(const std::string& text);

}  // namespace moesim
