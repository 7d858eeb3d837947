// FigureOutput is where and how a command draws a figure; plot, analyze and whatif share it.
#pragma once

#include "analysis/figures/figure.hpp"
#include "analysis/figures/style.hpp"
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"

#include <string>

namespace moesim {

struct FigureOutput {
  enum class Script { none, gnuplot, matplotlib };
  std::string out;  // .svg, .pdf or .png
  FigureStyle style;
  Script script = Script::none;
  const char* option = "--out";  // that named the picture, for errors
};

// Adds --script, --width and --style. file_option: the option that names the picture.
void add_figure_arguments(Arguments& arguments, const std::string& file_option);
// "--script" without a value means gnuplot: at the end, or before an option, a path that exists or one
// of `operands`. Another word after it is its value, so that a misspelt one is refused.
Words with_script(Words words, const Words& operands = {});
// Throws Exit::usage for an unknown ending or word, before anything is read.
// option: "--out" or "--plot", which named the picture.
FigureOutput figure_output(const Arguments& arguments, const std::string& out, const char* option);
// Writes the picture, or the script, and prints their names; notes go to stderr.
void write_figure(const Figure& figure, const FigureOutput& output);

}  // namespace moesim
