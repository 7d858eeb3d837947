// Quotes names for scripts, so that no part of a name is run as a command, a format or markup.
#pragma once

#include <string>
#include <string_view>

namespace moesim {

// Returns a gnuplot string: single-quoted, or double-quoted with octal escapes for quotes,
// backticks, backslashes, @ and #.
std::string gnuplot_quoted(std::string_view text);
// Returns a gnuplot string for a tick label, which gnuplot reads as a printf format.
std::string gnuplot_tick(std::string_view text);
// Returns a Python string in ASCII, in which $ does not start a matplotlib formula.
std::string python_quoted(std::string_view text);

}  // namespace moesim
