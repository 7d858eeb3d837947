// moesim plot: draws a figure for a paper, as an image or a script.
#include "analysis/figures/build.hpp"
#include "analysis/figures/figures.hpp"
#include "analysis/figures/timeseries.hpp"
#include "experiments/commands/analysis_arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/figure_output.hpp"
#include "experiments/terminal/error_stream.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <iostream>
#include <map>

namespace moesim {

namespace {

// Parses "0,5,11".
std::vector<std::int64_t> whole_numbers(const std::string& list, const std::string& option) {
  std::vector<std::int64_t> numbers;
  if (list.empty()) return numbers;
  for (const std::string& word : names_in(list, "--" + option)) {
    index number = 0;
    if (config::parse(word, number) != std::errc{})
      fail(Exit::usage, "command line: --" + option + " " + config::printable(list) +
                            ": expected whole numbers with commas between");
    numbers.push_back(number);
  }
  return numbers;
}

std::optional<std::int64_t> seed_of(const std::string& text) {
  const std::vector<std::int64_t> numbers = whole_numbers(text, "seed");
  if (numbers.empty()) return std::nullopt;
  if (numbers.size() > 1) fail(Exit::usage, "command line: --seed takes one number");
  return numbers[0];
}

// Options that only some figures take, by figure.
const std::map<std::string, std::vector<std::string>>& options_of_figures() {
  static const std::map<std::string, std::vector<std::string>> options = {
      {"loss", {"x", "quantity"}},
      {"load", {"x", "quantity", "layer", "seed"}},
      {"heatmap", {"at", "layer", "seed"}},
      {"drops", {"x", "quantity", "layer"}},
      {"entropy", {"x", "quantity", "layer"}},
      {"pareto", {"at"}},
      {"domains", {"at"}},
      {"curves-by-key", {"at", "key", "metric"}}};
  return options;
}

// Refuses options that would have no effect.
void check_options(const Arguments& arguments) {
  const std::string figure = arguments.text("figure");
  const std::vector<std::string>& known = options_of_figures().at(figure);
  for (const char* option :
       {"baseline", "target", "at", "x", "quantity", "key", "metric", "layer", "seed"})
    if (arguments.given(option) && std::find(known.begin(), known.end(), option) == known.end())
      fail(Exit::usage, "command line: --figure " + figure + " takes no --" + option +
                            "; it takes --" + joined(known, ", --") + ", --all and --arm");
}

}  // namespace

Arguments plot_arguments() {
  Arguments arguments("plot PATH...",
                      "Draws a figure of finished runs with gnuplot. PATH is a run file, a run "
                      "folder or an experiment folder.");
  arguments.value("figure", "loss", "figure to draw", Offer::one_of(figure_names()))
      .value("out", "", "output file: .svg, .pdf or .png (300 dpi)", Offer::file())
      .value("quantity", "",
             "quantity of the curves, by its name in the run file; loss: one of " +
                 joined(loss_quantities()) + "; load, drops, entropy: prefix eval_ for evaluations")
      .value("key", "", "curves-by-key: the setting; default: the only one that varies")
      .value("metric", "eval_loss", "curves-by-key: a column of the table routers, or a quantity")
      .value("layer", "", "only these MoE layers: 0,5,11")
      .value("seed", "", "load and heatmap: the seed whose experts are shown")
      .value("x", "steps", "horizontal axis of curves", Offer::one_of(time_axes()));
  add_figure_arguments(arguments, "--out");
  add_analysis_arguments(arguments);
  return arguments;
}

int plot_command(const Words& words) {
  Arguments arguments = plot_arguments();
  if (!arguments.parse(with_script(words))) return 0;
  check_options(arguments);
  AnalysisArguments chosen = analysis_arguments(arguments, "plot what?");
  const std::string out = arguments.text("out");
  if (out.empty()) fail(Exit::usage, "plot: no --out FILE; name a .svg, .pdf or .png file");
  const FigureOutput output = figure_output(arguments, out, "--out");
  Exit status = Exit::ok;
  chosen.request.on_unreadable = [&](const std::string& why) {
    say_error("moesim: " + why);
    status = Exit::data;
  };
  const Figure figure = figure_of(arguments.text("figure"), chosen.request,
                                  {.arms = chosen.arms,
                                   .layers = whole_numbers(arguments.text("layer"), "layer"),
                                   .x = arguments.text("x"),
                                   .quantity = arguments.text("quantity"),
                                   .at = at_of(chosen.at),
                                   .key = arguments.text("key"),
                                   .metric = arguments.text("metric"),
                                   .seed = seed_of(arguments.text("seed")),
                                   .most_panels = panels_for(output.style)});
  write_figure(figure, output);
  return static_cast<int>(status);
}

}  // namespace moesim
