#include "analysis/figures/style.hpp"

#include "sim/core/error.hpp"

#include <array>

namespace moesim {
namespace {

// The palette of Okabe and Ito (2008, "Color universal design"), which is safe for colour-blind
// readers, without its yellow (too light for a line on white), plus wine and olive of Tol (2021,
// "Colour schemes"). Neighbours differ in lightness.
constexpr std::array kColours = {"#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9",
                                 "#000000", "#CC79A7", "#882255", "#999933"};

}  // namespace

Measures measures_of(const FigureStyle& style) {
  constexpr double kPointsPerCm = 72 / 2.54;
  const bool column = style.width == FigureStyle::Width::column;
  const bool paper = style.look == FigureStyle::Look::paper;
  return {.width = (column ? 8.5 : 17.8) * kPointsPerCm,
          .type = paper ? 8.0 : 12.0,
          .line = paper ? 1.0 : 2.0,
          .hair = paper ? 0.5 : 0.8,
          .point = paper ? 4.0 : 6.5,
          .plot_height = (column ? 4.6 : 7.0) * kPointsPerCm * (paper ? 1 : 1.1),
          .most_height = (paper ? 24 : 17.8 * 9 / 16) * kPointsPerCm};
}

std::size_t panels_for(const FigureStyle& style) {
  if (style.look == FigureStyle::Look::paper) return 24;
  return style.width == FigureStyle::Width::page ? 12 : 6;
}

Stroke stroke_of(std::size_t style) {
  // The number of colours is coprime to the numbers of dashes and points.
  static const std::array<std::vector<double>, 5> dashes = {
      std::vector<double>{}, {5, 2}, {1.2, 1.6}, {6, 2, 1.2, 2}, {9, 3}};
  constexpr std::array marks = {Mark::circle, Mark::square, Mark::triangle, Mark::diamond,
                                Mark::triangle_down};
  return {kColours[style % kColours.size()], dashes[style % dashes.size()],
          marks[style % marks.size()]};
}

std::size_t stroke_count() { return kColours.size() * 5; }

const std::vector<std::string>& map_colours() {
  // Lightness increases monotonically, so that the map is readable in grey: dark blue, grey,
  // yellow.
  static const std::vector<std::string> colours = {"#00224E", "#2F5FA8", "#9C9C9C", "#E6C34A",
                                                   "#FFEF6B"};
  return colours;
}

}  // namespace moesim
