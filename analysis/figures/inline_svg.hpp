// Makes gnuplot's SVG a part of a page.
#pragma once

#include <string>

namespace moesim {

// The <svg> element of `file`. Ids, and references to them, begin with `prefix`; black becomes
// currentColor, so that text and axes have the page's colour; the size follows the page. Only
// tags are changed, never text.
std::string inline_svg(const std::string& file, const std::string& prefix);

}  // namespace moesim
