// moesim compare: prints a table with one row per arm, over its seeds.
#include "analysis/tables/paper_columns.hpp"
#include "analysis/tables/routers.hpp"
#include "experiments/commands/analysis_arguments.hpp"
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/export_tables.hpp"
#include "sim/core/error.hpp"

#include <iostream>

namespace moesim {

Arguments compare_arguments() {
  Arguments arguments(
      "compare PATH...",
      "Prints one row per arm: mean and standard deviation over seeds, and the difference to a "
      "baseline "
      "with its 95 % interval and p, paired by seed and adjusted over the rows. The arm of the "
      "lowest loss and those tied with it are marked. "
      "PATH is a run file, a run folder or an experiment folder, of which the runs of the latest "
      "plan are taken. Unreadable files are left out, and the exit code is 3.");
  arguments.value("format", "text", "", Offer::one_of(format_names()))
      .value(
          "columns", "",
          "columns by key (the names in --format json), or recorded quantities by name: a,b; all: "
          "every column (latex and md show a selection by default)")
      .value("teacher", "",
             "ARM: the share of its gain over the baseline that each arm keeps, with its 95 % "
             "interval: what a student has of its teacher")
      .flag("json", "the same as --format json");
  add_analysis_arguments(arguments);
  return arguments;
}

int compare_command(const Words& words) {
  Arguments arguments = compare_arguments();
  if (!arguments.parse(words)) return 0;
  if (arguments.has("json") && arguments.given("format") && arguments.text("format") != "json")
    fail(Exit::usage,
         "command line: --json and --format " + arguments.text("format") + ": choose one of them");
  AnalysisArguments chosen = analysis_arguments(arguments, "compare what?");
  const TableFormat format = format_of(arguments.has("json") ? "json" : arguments.text("format"));
  RoutersOptions options{.baseline = chosen.baseline,
                         .target = chosen.target_text,
                         .at = at_of(chosen.at),
                         .arms = chosen.arms,
                         .teacher = arguments.text("teacher")};
  if (const std::string columns = arguments.text("columns");
      !columns.empty() && columns != kAllColumns)
    options.columns = names_in(columns, "--columns");
  Exit status = Exit::ok;
  chosen.request.on_unreadable = [&](const std::string& why) {
    std::cerr << "moesim: " << why << '\n';
    status = Exit::data;
  };
  Table table = routers_table(chosen.request, options);
  if (!arguments.given("columns") && is_of_papers(format)) table = for_paper(table);
  std::cout << render(table, format) << std::flush;
  return static_cast<int>(status);
}

}  // namespace moesim
