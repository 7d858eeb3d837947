// moesim whatif: says what other capacities would drop of recorded assignments.
#include "analysis/traces/whatif.hpp"

#include "analysis/figures/trace_figures.hpp"
#include "analysis/traces/forensics.hpp"
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/export_tables.hpp"
#include "experiments/commands/figure_output.hpp"
#include "sim/config/list.hpp"
#include "sim/core/error.hpp"

#include <iostream>

namespace moesim {

Arguments whatif_arguments() {
  Arguments arguments(
      "whatif TRACE... --capacity LIST",
      "Says what other capacities of the experts would drop of recorded assignments, per MoE "
      "layer. TRACE is a run file or folder trained with record.trace = true, or a file of moesim "
      "route. C is the run's formula at another factor: by default, the factor times n k / E, "
      "rounded up, for groups of n tokens.");
  arguments.value("capacity", "0.5..2..0.25", "capacity factors, as a list or range; 0: no limit")
      .value("group", "", "tokens that share capacity: sequence, batch; default: as in the run",
             {{"sequence", "batch"}})
      .value("fill", "",
             "who gets places: token, choice, priority (see fill of token_choice); default: as in "
             "the run",
             {{"token", "choice", "priority"}})
      .value("by", "layer",
             "rows of the table: layer; position: who is dropped, by position in the sequence; "
             "frequency: by rank of the token id",
             {{"layer", "position", "frequency"}})
      .value("format", "text", joined(format_names()), {format_names()})
      .value("plot", "", "draw the drops in this file, .svg, .pdf or .png, instead of a table",
             Offer::file())
      .flag("json", "the same as --format json");
  add_figure_arguments(arguments, "--plot");
  return arguments;
}

int whatif_command(const Words& words) {
  Arguments arguments = whatif_arguments();
  if (!arguments.parse(with_script(words))) return 0;
  arguments.require_rest("which traces?");
  if (arguments.has("json") && arguments.given("format") && arguments.text("format") != "json")
    fail(Exit::usage,
         "command line: --json and --format " + arguments.text("format") + ": choose one of them");
  const TableFormat format = format_of(arguments.has("json") ? "json" : arguments.text("format"));
  const auto list = [&](const char* name) {
    const std::string text = arguments.text(name);
    return text.empty()
               ? std::vector<std::string>()
               : config::parse_list({"command line", std::string("--") + name, text}, 1000);
  };
  const WhatIfOptions options{list("capacity"), list("group"), list("fill")};
  if (options.factors.empty())
    fail(Exit::usage, "command line: --capacity: give at least one capacity factor");
  const std::string by = arguments.text("by");
  if (by != "layer" && by != "position" && by != "frequency")
    fail(Exit::usage, "command line: --by " + by + ": choose layer, position or frequency");
  const std::string plot = arguments.text("plot");
  if (!plot.empty()) {
    if (by != "layer") fail(Exit::usage, "command line: --plot draws --by layer only");
    const FigureOutput output = figure_output(arguments, plot);
    write_figure(trace_figure(whatif_table(arguments.rest(), options), panels_for(output.style)),
                 output);
    return 0;
  }
  const Table table =
      by == "layer" ? whatif_table(arguments.rest(), options)
                    : forensics_table(arguments.rest(), options,
                                      by == "position" ? WhatIfBy::position : WhatIfBy::frequency);
  std::cout << render(table, format) << std::flush;
  return 0;
}

}  // namespace moesim
