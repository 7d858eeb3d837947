// Estimates how wide text is set, since the font is known only where a figure is shown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// In points, for text of that size: of a wide sans-serif (DejaVu Sans), so that others fit too.
double text_width(std::string_view text, double size);

// The text, or its beginning and its end with "…" between, as wide as `width` at most.
std::string shortened(const std::string& text, double size, double width);

// The text in lines as wide as `width` at most, `most` of them: cut at spaces, and what is left at
// the end is shortened.
std::vector<std::string> wrapped(const std::string& text, double size, double width,
                                 std::size_t most);

}  // namespace moesim
