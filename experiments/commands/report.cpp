// moesim report: writes an HTML page about a comparison of arms.
#include "analysis/report/report.hpp"

#include "experiments/commands/analysis_arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/sweep/version.hpp"
#include "experiments/terminal/error_stream.hpp"
#include "experiments/terminal/output_file.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <iostream>
#include <unistd.h>

namespace moesim {

Arguments report_arguments() {
  Arguments arguments(
      "report PATH... --out report.html",
      "Writes an HTML page about a comparison of arms: results in words, tables and figures; "
      "certificates, configs, and how to reproduce it. It opens offline and loads nothing. "
      "PATH is a run file, a run folder or an experiment folder; or a file of moesim route, whose "
      "text is then shown with every token coloured by its expert. Unreadable files are "
      "left out, and the exit code is 3. Figures are drawn by gnuplot (Debian: gnuplot-nox).");
  arguments
      .value("out", "", "output file; default: standard output, unless it is a terminal",
             Offer::file())
      .value("title", "", "title of the page; default: the names of the experiments");
  add_analysis_arguments(arguments);
  return arguments;
}

int report_command(const Words& words) {
  Arguments arguments = report_arguments();
  if (!arguments.parse(words)) return 0;
  AnalysisArguments chosen = analysis_arguments(arguments, "report on what?");
  if (arguments.text("out").empty() && ::isatty(STDOUT_FILENO) == 1)
    fail(Exit::usage,
         "command line: a page of HTML is nothing for a terminal; add --out report.html");
  Exit status = Exit::ok;
  chosen.request.on_unreadable = [&](const std::string& why) {
    say_error("moesim: " + why);
    status = Exit::data;
  };
  const std::string page =
      report(chosen.request, {.title = arguments.text("title"),
                              .generator = fmt::format("moesim {} ({})", version(), git_revision()),
                              .baseline = chosen.baseline,
                              .target = chosen.target ? fmt::format("{}", *chosen.target) : "",
                              .at = at_of(chosen.at),
                              .arms = chosen.arms});
  write_output(arguments.text("out"), page);
  return static_cast<int>(status);
}

}  // namespace moesim
