// Estimates the width of rendered text. The viewer chooses the font, so the width is not known.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// Returns the width in points at font size `size`, for a wide sans-serif (DejaVu Sans), so that
// narrower fonts also fit.
double text_width(std::string_view text, double size);

// Returns the text, shortened with "…" in the middle to at most `width` points.
std::string shortened(const std::string& text, double size, double width);

// Breaks the text at spaces into at most `most` lines of `width` points; the last line is
// shortened.
std::vector<std::string> wrapped(const std::string& text, double size, double width,
                                 std::size_t most);

}  // namespace moesim
