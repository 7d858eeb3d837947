#include "experiments/commands/figure_output.hpp"

#include "analysis/figures/gnuplot.hpp"
#include "analysis/figures/matplotlib.hpp"
#include "analysis/render/escape.hpp"
#include "experiments/terminal/output_file.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <utility>

namespace moesim {
namespace {

using ScriptKind = FigureOutput::Script;

constexpr Named<ScriptKind> kScripts[] = {{"gnuplot", ScriptKind::gnuplot},
                                          {"matplotlib", ScriptKind::matplotlib}};

}  // namespace

void add_figure_arguments(Arguments& arguments, const std::string& file_option) {
  arguments
      .value("script", "",
             "also write the script that draws the figure, and its numbers as CSV, next to " +
                 file_option +
                 ": gnuplot (.gp; also --script without a value) or matplotlib (.py; draws nothing "
                 "itself and needs no gnuplot)",
             Offer::one_of(all_names<ScriptKind>(kScripts)))
      .value("width", "column", "width in a two-column paper: 8.5 cm or 17.8 cm",
             Offer::one_of(all_names<FigureStyle::Width>(kFigureWidths)))
      .value("style", "paper", "font size: 8 pt or 12 pt",
             Offer::one_of(all_names<FigureStyle::Look>(kFigureLooks)));
}

Words with_script(Words words, const Words& operands) {
  const auto is_operand = [&](const std::string& word) {
    std::error_code ignored;
    return word.starts_with('-') || std::filesystem::exists(word, ignored) ||
           std::find(operands.begin(), operands.end(), word) != operands.end();
  };
  const std::vector<std::string> kinds = all_names<ScriptKind>(kScripts);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] != "--script") continue;
    const bool last = i + 1 == words.size();
    if (!last && std::find(kinds.begin(), kinds.end(), words[i + 1]) != kinds.end()) continue;
    if (last || is_operand(words[i + 1]))
      words.insert(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, "gnuplot");
  }
  return words;
}

FigureOutput figure_output(const Arguments& arguments, const std::string& out, const char* option) {
  picture_of(out);
  return {out,
          {arguments.chosen<FigureStyle::Width>("width", kFigureWidths),
           arguments.chosen<FigureStyle::Look>("style", kFigureLooks)},
          arguments.text("script").empty() ? ScriptKind::none
                                           : arguments.chosen<ScriptKind>("script", kScripts),
          option};
}

void write_figure(const Figure& figure, const FigureOutput& output) {
  const std::string& out = output.out;
  const FigureStyle& style = output.style;
  const ScriptKind script = output.script;
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
  for (const auto& [path, bytes] : files) write_output(path, bytes, output.option);
  std::vector<std::string> paths;
  for (const auto& [path, bytes] : files) paths.push_back(terminal_safe(path));
  std::cout << "wrote " << joined(paths) << '\n';
  if (script == ScriptKind::matplotlib)
    std::cout << "python3 " << terminal_safe(beside(".py").string()) << " draws "
              << terminal_safe(out) << '\n';
  for (const std::string& note : figure.notes) std::cerr << "note: " << terminal_safe(note) << '\n';
}

}  // namespace moesim
