// Why a process ended, for people.
#pragma once

#include <string>

namespace moesim {

// How a child ended by itself or by a signal, from what waitpid said, and the most likely reason:
// "killed: Killed; memory may be the reason: ...". least_bytes: what it needs at the least; 0:
// unknown.
std::string why_ended(int status, double least_bytes);

// From now on this process says in one line why it ends, and leaves with Exit::internal, where
// otherwise std::terminate() would abort it; and, where its memory is limited (ulimit -v), where
// the system would kill it for a mistake in memory: libraries that generate code do not check
// whether there was memory for it. Forked children (sim/io/fork.hpp) are killed as ever.
void explain_sudden_end();
// What main() returns from here on needs no explanation.
void end_in_order();

}  // namespace moesim
