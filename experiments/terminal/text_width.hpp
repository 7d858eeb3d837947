// Wraps text to the width of the terminal.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

// The width of stdout: $COLUMNS, else the terminal's, else 100; at least 40.
std::size_t text_width();

// Breaks `text` at spaces into lines of at most `width` columns. All lines but the first begin with
// `indent` spaces; the first leaves as much room. No newline at the end.
std::string wrapped(const std::string& text, std::size_t width, std::size_t indent = 0);

// The same line by line. A line that begins with spaces is either a row, NAME and a description
// after two or more spaces, of which only the description is wrapped; or a command, which is not
// wrapped.
std::string wrapped_lines(const std::string& text, std::size_t width);

// Rows of such a text, each after a newline; the descriptions begin in one column: "\n  NAME  about".
std::string named_rows(const std::vector<std::pair<std::string, std::string>>& rows);

}  // namespace moesim
