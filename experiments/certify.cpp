// moesim check: the command line of experiments/check.hpp.
#include "experiments/arguments.hpp"
#include "experiments/check.hpp"
#include "experiments/commands.hpp"
#include "experiments/process_limits.hpp"

#include <omp.h>

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
  // For backends that nobody names a number of threads for; others are compared with it.
  constexpr int kCompared = 7;
  const int threads = chosen_threads(0);
  omp_set_num_threads(threads);
  require_threads(std::max(threads, kCompared));
  return check_command(arguments.rest(), arguments.has("json"), std::cout, arguments.has("all"));
}

}  // namespace moesim
