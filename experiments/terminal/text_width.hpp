// Text for people, broken into lines that fit the terminal.
#pragma once

#include <cstddef>
#include <string>

namespace moesim {

// Columns of stdout: COLUMNS, else the terminal's; 100 where stdout is none. At least 40.
std::size_t text_width();

// `text` in lines of at most `width` columns, broken at spaces; every line but the first begins
// with `indent` spaces, for which there is room in the first too. No newline at the end.
std::string wrapped(const std::string& text, std::size_t width, std::size_t indent = 0);

// The same line by line. A line that begins with spaces is a row, NAME and what it is behind two
// spaces or more, whose second part alone is broken; or a command, which stays as it is.
std::string wrapped_lines(const std::string& text, std::size_t width);

}  // namespace moesim
