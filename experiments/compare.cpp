// moesim compare: one row per arm over its seeds.
#include "analysis/tables/routers.hpp"
#include "experiments/arguments.hpp"
#include "experiments/commands.hpp"
#include "experiments/run_state.hpp"
#include "sim/core/error.hpp"

#include <iostream>

namespace moesim {

int compare_command(const Words& words) {
  Arguments arguments(
      "compare PATH...",
      "One row per arm: mean and standard deviation over seeds, and the paired "
      "difference to a baseline. "
      "PATH is a run file, a run folder or an experiment folder. A file that cannot be read "
      "is left out, and the exit code is 3.");
  arguments.value("format", "text", "text, csv, md or json")
      .value("baseline", "", "arm to compare with; the first of router dense otherwise")
      .flag("json", "the same as --format json");
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("compare what?");
  const std::string format = arguments.has("json") ? "json" : arguments.text("format");
  Exit status = Exit::ok;
  const Request request{.paths = arguments.rest(),
                        .status_of = status_now,
                        .on_unreadable = [&](const std::string& why) {
                          std::cerr << "moesim: " << why << '\n';
                          status = Exit::data;
                        }};
  const Table table = routers_table(request, {.baseline = arguments.text("baseline")});
  std::cout << render(table, format_of(format)) << std::flush;
  return static_cast<int>(status);
}

}  // namespace moesim
