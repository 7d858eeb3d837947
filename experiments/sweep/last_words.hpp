// Explains in one line why a process ended.
#pragma once

#include <string>

namespace moesim {

// How a child ended, from its waitpid status, with the most likely reason: "killed: Killed; memory
// may be the reason: ...". least_bytes: the memory that it needs at least; 0: unknown.
std::string why_ended(int status, double least_bytes);

// Installs handlers in this process: instead of aborting in std::terminate(), it prints one line
// and exits with Exit::internal. If its memory is limited (ulimit -v), it does so for SIGSEGV and
// similar signals too, because code-generating libraries do not check their allocations. Forked
// children (sim/io/fork.hpp) keep the default actions.
void explain_sudden_end();
// Marks a regular exit: from here on the process ends without an explanation.
void end_in_order();

}  // namespace moesim
