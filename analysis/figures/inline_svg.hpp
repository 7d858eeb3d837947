// Turns gnuplot's SVG file into an element of an HTML page.
#pragma once

#include <string>

namespace moesim {

// Returns the <svg> element of `file`. Ids and references to them begin with `prefix`. Black
// becomes currentColor, so that text and axes follow the page's colour; the size follows the page.
// Only tags are changed, never text.
std::string inline_svg(const std::string& file, const std::string& prefix);

}  // namespace moesim
