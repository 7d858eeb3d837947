// moesim plot: a figure for a paper, as a picture and as a script.
#include "analysis/figures/build.hpp"
#include "analysis/figures/gnuplot.hpp"
#include "analysis/render/escape.hpp"
#include "experiments/analysis_arguments.hpp"
#include "experiments/commands.hpp"
#include "sim/core/error.hpp"
#include "sim/record/publish.hpp"

#include <iostream>

namespace moesim {

int plot_command(const Words& words) {
  Arguments arguments("plot PATH...",
                      "Draws a figure of finished runs with gnuplot. PATH is a run file, a run "
                      "folder or an experiment folder.");
  arguments.value("figure", "loss", "what to show: " + joined(figure_names()))
      .value("out", "", "file to write: .svg, .pdf or .png (300 dpi)")
      .value("x", "steps", "horizontal axis of curves: steps, tokens, flops or seconds")
      .value("width", "column", "of a two-column paper: column (8.5 cm) or page (17.8 cm)")
      .value("style", "paper", "paper (8 pt) or slides (12 pt)");
  add_analysis_arguments(arguments);
  if (!arguments.parse(words)) return 0;
  AnalysisArguments chosen = analysis_arguments(arguments, "plot what?");
  const std::string out = arguments.text("out");
  if (out.empty()) fail(Exit::usage, "plot: no --out FILE; name a .svg, .pdf or .png file");
  const Picture picture = picture_of(out);
  const FigureStyle style{width_of(arguments.text("width")), look_of(arguments.text("style"))};
  Exit status = Exit::ok;
  chosen.request.on_unreadable = [&](const std::string& why) {
    std::cerr << "moesim: " << why << '\n';
    status = Exit::data;
  };
  const Figure figure =
      figure_of(arguments.text("figure"), chosen.request,
                {.arms = chosen.arms, .x = arguments.text("x"), .at = at_of(chosen.at)});
  publish_bytes(out, draw(figure, style, picture));
  for (const std::string& note : figure.notes) std::cerr << "note: " << terminal_safe(note) << '\n';
  return static_cast<int>(status);
}

}  // namespace moesim
