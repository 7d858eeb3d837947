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
  const Comparison result = compare({.paths = arguments.rest(), .status_of = status_now},
                                    format_of(format), arguments.text("baseline"));
  std::cout << result.text << std::flush;
  for (const std::string& reason : result.unreadable) std::cerr << "moesim: " << reason << '\n';
  return static_cast<int>(result.unreadable.empty() ? Exit::ok : Exit::data);
}

}  // namespace moesim
