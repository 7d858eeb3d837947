// Names as text in scripts: nothing in them is a command, a format or markup.
#pragma once

#include <string>
#include <string_view>

namespace moesim {

// A string of gnuplot: in single quotes, or in double quotes with octal numbers in place of quotes,
// backticks, backslashes, @ and #.
std::string gnuplot_quoted(std::string_view text);
// The same for a label of a tick, which is a format as printf's.
std::string gnuplot_tick(std::string_view text);
// A string of Python in ASCII; a $ begins no formula in matplotlib.
std::string python_quoted(std::string_view text);

}  // namespace moesim
