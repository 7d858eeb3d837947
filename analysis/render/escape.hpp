// Text from a file, made safe for where it goes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace moesim {

// Without control characters, which a terminal would obey, and without what reorders or breaks
// lines; these and bytes that are no UTF-8 become '?'.
std::string terminal_safe(std::string_view text);

// The same of at most so many characters: the end of a longer text is "...".
std::string brief(std::string_view text, std::size_t most);

// The characters (code points) of UTF-8 text.
std::size_t characters_in(std::string_view text);

// A cell of RFC 4180. A spreadsheet takes what begins with = + - @, or with one of these in full
// width, for a formula, so it gets a ' in front, unless it is a number.
std::string csv_cell(const std::string& text);

// A cell of a table in Markdown: nothing in it is markup.
std::string markdown_cell(const std::string& text);
// A paragraph of Markdown: no list, heading or quotation either.
std::string markdown_paragraph(const std::string& text);

// Text of LaTeX that compiles with pdflatex: nothing in it is a command, and no two characters
// become one. Characters that the encoding T1 does not have are named: "U+4E2D".
std::string latex_text(std::string_view text);
// The same where lines may break behind / _ and = too, and in words of more than 24 characters.
std::string latex_paragraph(std::string_view text);

// Text of HTML, or the value of an attribute in quotes.
std::string html_text(std::string_view text);

// What \label and the id of an element may be, with '-' for every other byte.
std::string plain_label(const std::string& label);

}  // namespace moesim
