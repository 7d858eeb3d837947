// moesim plot: draws a figure for a paper, as an image or a script.
#include "analysis/figures/build.hpp"
#include "analysis/figures/gnuplot.hpp"
#include "analysis/figures/matplotlib.hpp"
#include "analysis/render/escape.hpp"
#include "experiments/commands/analysis_arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/terminal/output_file.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <utility>

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
  const auto known = options_of_figures().find(figure);
  if (known == options_of_figures().end()) return;  // figure_of reports unknown figures
  for (const char* option :
       {"baseline", "target", "at", "x", "quantity", "key", "metric", "layer", "seed"})
    if (arguments.given(option) &&
        std::find(known->second.begin(), known->second.end(), option) == known->second.end())
      fail(Exit::usage, "command line: --figure " + figure + " takes no --" + option +
                            "; it takes --" + joined(known->second, ", --") + ", --all and --arm");
}

enum class ScriptKind { none, gnuplot, matplotlib };

// "--script" without a value means gnuplot.
Words with_script(Words words) {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == "--script" &&
        (i + 1 == words.size() || (words[i + 1] != "gnuplot" && words[i + 1] != "matplotlib")))
      words.insert(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, "gnuplot");
  return words;
}

ScriptKind script_of(const std::string& name) {
  if (name.empty()) return ScriptKind::none;
  if (name == "gnuplot") return ScriptKind::gnuplot;
  if (name == "matplotlib") return ScriptKind::matplotlib;
  fail(Exit::usage,
       "command line: --script " + config::printable(name) + ": choose gnuplot or matplotlib");
}

void write(const Figure& figure, const FigureStyle& style, const std::string& out,
           ScriptKind script) {
  namespace fs = std::filesystem;
  const Picture picture = picture_of(out);
  const auto beside = [&](const char* suffix) { return fs::path(out).replace_extension(suffix); };
  const std::string csv = beside(".csv").filename(), name = fs::path(out).filename();
  std::vector<std::pair<std::string, std::string>> files;
  if (script == ScriptKind::matplotlib) {
    files = {{beside(".csv"), data_of(figure).csv},
             {beside(".py"), matplotlib_script(figure, style, csv, name)}};
  } else {
    Drawing drawing = draw(figure, style, picture, csv, name);
    for (const std::string& note : drawing.notes)
      std::cerr << "note: " << terminal_safe(note) << '\n';
    if (script == ScriptKind::gnuplot)
      files = {{beside(".csv"), std::move(drawing.csv)},
               {beside(".gp"), std::move(drawing.script)}};
    files.emplace_back(out, std::move(drawing.picture));
  }
  for (const auto& [path, bytes] : files) write_output(path, bytes);
  std::vector<std::string> paths;
  for (const auto& [path, bytes] : files) paths.push_back(terminal_safe(path));
  std::cout << "wrote " << joined(paths) << '\n';
  if (script == ScriptKind::matplotlib)
    std::cout << "python3 " << terminal_safe(beside(".py").string()) << " draws "
              << terminal_safe(out) << '\n';
}

}  // namespace

Arguments plot_arguments() {
  Arguments arguments("plot PATH...",
                      "Draws a figure of finished runs with gnuplot. PATH is a run file, a run "
                      "folder or an experiment folder.");
  arguments.value("figure", "loss", "figure to draw: " + joined(figure_names()), {figure_names()})
      .value("out", "", "output file: .svg, .pdf or .png (300 dpi)", Offer::file())
      .value("quantity", "",
             "quantity of the curves, by its name in the run file; loss: eval_loss, task_loss or "
             "loss; "
             "load, drops, entropy: prefix eval_ for evaluations")
      .value("key", "", "curves-by-key: the setting; default: the only one that varies")
      .value("metric", "eval_loss", "curves-by-key: a column of the table routers, or a quantity")
      .value("layer", "", "only these MoE layers: 0,5,11")
      .value("seed", "", "load and heatmap: the seed whose experts are shown")
      .value(
          "script", "",
          "also write the script that draws the figure, and its numbers as CSV, next to --out: "
          "gnuplot (.gp; also --script without a value) or matplotlib (.py; draws nothing itself "
          "and needs no gnuplot)",
          {{"gnuplot", "matplotlib"}})
      .value("x", "steps", "horizontal axis of curves: steps, tokens, flops or seconds",
             {{"steps", "tokens", "flops", "seconds"}})
      .value("width", "column", "width in a two-column paper: column (8.5 cm) or page (17.8 cm)",
             {{"column", "page"}})
      .value("style", "paper", "font size: paper (8 pt) or slides (12 pt)", {{"paper", "slides"}});
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
  picture_of(out);  // checks the ending before anything is read
  const ScriptKind script = script_of(arguments.text("script"));
  const FigureStyle style{width_of(arguments.text("width")), look_of(arguments.text("style"))};
  Exit status = Exit::ok;
  chosen.request.on_unreadable = [&](const std::string& why) {
    std::cerr << "moesim: " << why << '\n';
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
                                   .most_panels = panels_for(style)});
  write(figure, style, out, script);
  for (const std::string& note : figure.notes) std::cerr << "note: " << terminal_safe(note) << '\n';
  return static_cast<int>(status);
}

}  // namespace moesim
