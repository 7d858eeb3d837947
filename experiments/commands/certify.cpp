// moesim check: declares the command line and calls experiments/commands/check.hpp.
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/check.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <omp.h>

#include <iostream>

namespace moesim {

Arguments check_arguments() {
  Arguments arguments(
      "check [ROUTER|EXPERT [key=value ...]]...",
      "Certifies routers and experts; without names, all of them. For a router: finite state, "
      "conservation, gradients against central differences, parameters without gradient, declared "
      "against measured causality, equivariance under permutation of experts, bitwise equality "
      "for any number of threads, edge cases. For an expert: gradients, independence of rows and "
      "experts, merged weights, cost, threads, edge cases.\n\n"
      "key=value belongs to the name before it: an option of its own (k=2), expert.name=EXPERT for "
      "a router, expert.hidden, moe.experts, model.width, data.length, train.batch, task.name. "
      "Where a router and an expert share a name, write router.NAME or expert.NAME.\n\n"
      "Exit code 1 if a certificate fails or is incomplete (derivatives need moesim-f64 next to "
      "this program), 2 if a name or a setting is wrong.");
  arguments.flag("all", "also certify every registered variant of the settings")
      .flag("json", "print one JSON document");
  return arguments;
}

int check_command(const Words& words) {
  Arguments arguments = check_arguments();
  if (!arguments.parse(words)) return 0;
  // The default for backends without an explicit number of threads.
  constexpr int kCompared = 7;
  const int threads = chosen_threads(0);
  if (const ThreadLimit limit = environment_thread_limit(); limit.threads < kCompared)
    fail(Exit::usage, fmt::format("{}={}: certificates compare up to {} threads; unset it",
                                  limit.variable, limit.threads, kCompared));
  omp_set_num_threads(threads);
  omp_set_dynamic(0);  // OpenMP must not reduce the number of threads
  require_threads(std::max(threads, kCompared));
  return check_command(arguments.rest(), arguments.has("json"), std::cout, arguments.has("all"));
}

}  // namespace moesim
