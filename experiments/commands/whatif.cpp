// moesim whatif: says what other capacities would drop of recorded assignments.
#include "analysis/traces/whatif.hpp"

#include "analysis/figures/trace_figures.hpp"
#include "analysis/traces/forensics.hpp"
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/figure_output.hpp"
#include "experiments/commands/table_output.hpp"
#include "sim/config/list.hpp"
#include "sim/core/error.hpp"

namespace moesim {

Arguments whatif_arguments() {
  Arguments arguments(
      "whatif TRACE... --capacity LIST",
      "Says what other capacities of the experts would drop of recorded assignments, per MoE "
      "layer. TRACE is a run file or folder trained with record.trace = true, or a file of moesim "
      "route. C is the run's formula at another factor: by default, the factor times n k / E, "
      "rounded up, for groups of n tokens.");
  arguments.value("capacity", "0.5..2..0.25", "capacity factors, as a list or range; 0: no limit")
      .value("group", "", "tokens that share capacity; default: as in the run",
             Offer::some_of({"sequence", "batch"}))
      .value("fill", "", "who gets places (see fill of token_choice); default: as in the run",
             Offer::some_of({"token", "choice", "priority"}))
      .value("by", "layer",
             "rows of the table; position: who is dropped, by position in the sequence; frequency: "
             "by rank of the token id",
             Offer::one_of({"layer", "position", "frequency", "domain"}))
      .value("step", "", "only traces of this step; default: all")
      .value(
          "plot", "",
          "draw the drops in this file, .svg, .pdf or .png; there is then no table without --out, "
          "--format or --json",
          Offer::file());
  add_table_output(arguments);
  add_figure_arguments(arguments, "--plot");
  return arguments;
}

int whatif_command(const Words& words) {
  Arguments arguments = whatif_arguments();
  if (!arguments.parse(with_script(words))) return 0;
  arguments.require_rest("which traces?");
  const TableOutput output(arguments);
  const auto list = [&](const char* name) {
    const std::string text = arguments.text(name);
    return text.empty()
               ? std::vector<std::string>()
               : config::parse_list({"command line", std::string("--") + name, text}, 1000);
  };
  const WhatIfOptions options{list("capacity"), list("group"), list("fill"), step_of(arguments)};
  if (options.factors.empty())
    fail(Exit::usage, "command line: --capacity: give at least one capacity factor");
  const std::string by = arguments.text("by");
  const std::string plot = arguments.text("plot");
  if (arguments.given("plot")) {
    if (by != "layer") fail(Exit::usage, "command line: --plot draws --by layer only");
    figure_output(arguments, plot, "--plot");  // checks it before anything is read
  }
  const Table table = by == "layer" ? whatif_table(arguments.rest(), options)
                                    : forensics_table(arguments.rest(), options,
                                                      by == "position" ? WhatIfBy::position
                                                      : by == "domain" ? WhatIfBy::domain
                                                                       : WhatIfBy::frequency);
  output.write_with_figure(table, arguments);
  return 0;
}

}  // namespace moesim
