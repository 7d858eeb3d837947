// moesim check: the command line of experiments/check.hpp.
#include "experiments/arguments.hpp"
#include "experiments/check.hpp"
#include "experiments/commands.hpp"

#include <iostream>

namespace moesim {

int check_command(const Words& words) {
  Arguments arguments("check [ROUTER [key=value ...]]...",
                      "Certificates of routers: gradients against central differences, what is "
                      "seen against what is declared, "
                      "conservation, equivariance under permutation of experts, same bits for any "
                      "number of threads, and "
                      "parameters that the task cannot teach. Exit code 1 if anything fails.");
  arguments.flag("all", "with every registered variant of settings")
      .flag("json", "print one JSON document");
  if (!arguments.parse(words)) return 0;
  return check_command(arguments.rest(), arguments.has("json"), std::cout, arguments.has("all"));
}

}  // namespace moesim
