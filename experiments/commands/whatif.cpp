// moesim whatif: says what other capacities would drop of recorded assignments.
#include "analysis/traces/whatif.hpp"

#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/export_tables.hpp"
#include "sim/config/list.hpp"
#include "sim/core/error.hpp"

#include <iostream>

namespace moesim {

Arguments whatif_arguments() {
  Arguments arguments(
      "whatif TRACE...",
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
      .value("format", "text", joined(format_names()), {format_names()})
      .flag("json", "the same as --format json");
  return arguments;
}

int whatif_command(const Words& words) {
  Arguments arguments = whatif_arguments();
  if (!arguments.parse(words)) return 0;
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
  std::cout << render(whatif_table(arguments.rest(), options), format) << std::flush;
  return 0;
}

}  // namespace moesim
