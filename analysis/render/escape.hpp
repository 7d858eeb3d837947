// Escapes text from files for each output format.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace moesim {

// Returns the text without control characters (which a terminal would execute) and without
// characters that reorder or break lines. These, and bytes that are not UTF-8, become '?'.
std::string terminal_safe(std::string_view text);

// Returns the same text, cut to `most` characters; a cut text ends in "...".
std::string brief(std::string_view text, std::size_t most);

// Counts the code points of UTF-8 text.
std::size_t characters_in(std::string_view text);

// Returns a CSV cell (RFC 4180). Spreadsheets read cells that start with = + - @ (or their
// full-width forms) as formulas, so such a cell gets a leading ', unless it is a number.
std::string csv_cell(const std::string& text);

// Returns a Markdown table cell in which nothing is markup.
std::string markdown_cell(const std::string& text);
// Returns a Markdown paragraph in which nothing is markup and which does not start a list, heading
// or quotation.
std::string markdown_paragraph(const std::string& text);

// Returns LaTeX text that compiles with pdflatex: no character is a command, and no pair forms a
// ligature. Characters outside the encoding T1 are written by code point: "U+4E2D".
std::string latex_text(std::string_view text);
// Returns the same text with extra line breaks allowed after / _ and =, and within words of more
// than 24 characters.
std::string latex_paragraph(std::string_view text);

// Returns HTML text, also valid as a quoted attribute value.
std::string html_text(std::string_view text);

// Returns a valid \label or HTML id: every other byte becomes '-'.
std::string plain_label(const std::string& label);

}  // namespace moesim
