#include "analysis/figures/gnuplot_terminal.hpp"

#include <fmt/format.h>

namespace moesim {

Terminal terminal_of(Picture picture, const Layout& layout, const FigureStyle& style) {
  const double width = layout.width, height = layout.height, type = layout.measures.type;
  constexpr double kPangoPoint = 0.75;  // Pango sets text for 96 dots per inch
  switch (picture) {
    case Picture::svg:
      // The unit is CSS's pixel, 1/96 inch. The comma in the font list must be escaped for XML.
      return {0.75, 6.0, 0.5, 0.5,
              fmt::format("svg size {:.0f},{:.0f} fixed font "
                          "'Helvetica&#44;Arial&#44;sans-serif,{:.2f}' noenhanced{}",
                          width * 4 / 3, height * 4 / 3, type * 4 / 3,
                          style.id_prefix.empty() ? " background '#ffffff'" : "")};
    case Picture::pdf:
      return {0.5, 6.0, 0.275, 0.2,
              fmt::format("pdfcairo size {:.4f}in,{:.4f}in font 'Helvetica,{:.2f}' fontscale 1 "
                          "noenhanced",
                          width / 72, height / 72, type * kPangoPoint)};
    case Picture::png:
      break;
  }
  constexpr double kDpi = 300;
  return {72 / kDpi, 6.1 * 72 / kDpi, 0.264, 0.2,
          fmt::format("pngcairo size {:.0f},{:.0f} font 'Helvetica,{:.2f}' fontscale 1 noenhanced "
                      "background '#ffffff'",
                      width * kDpi / 72, height * kDpi / 72, type * kPangoPoint * kDpi / 72)};
}

int point_type(Mark mark, bool hollow) {
  switch (mark) {
    case Mark::circle:
      return hollow ? 6 : 7;
    case Mark::square:
      return hollow ? 4 : 5;
    case Mark::triangle:
      return hollow ? 8 : 9;
    case Mark::triangle_down:
      return hollow ? 10 : 11;
    case Mark::diamond:
      return hollow ? 12 : 13;
  }
  return 7;
}

}  // namespace moesim
