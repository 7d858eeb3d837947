// Work on input that the libraries underneath do not survive.
//
// On random mutants of a small run file, HDF5 1.10 crashes about once in 150 and loops for ever
// about once in 500, deep inside calls whose arguments are right. So a foreign file is read in a
// child process, and only the values come back.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace moesim {

struct Allowance {
  std::uint64_t cpu_seconds = 0;
  std::uint64_t bytes = 0;  // beyond what the process has
};

// The limits of whoever started the program (ulimit -t, -v), which hold for its children too.
struct CallersLimits {
  std::uint64_t cpu_seconds, bytes;
};
// Those of this process, as long as it has not restricted itself.
CallersLimits callers_limits();

// Restricts this process from now on, which is a child, and works: limits of memory and of
// processor time beyond what it has used, never above those of the caller, and no reports on
// stderr. The reply is for result_of in the parent.
std::string restricted(const Allowance& allowance, const CallersLimits& callers,
                       const std::function<std::string()>& work);

// What the work returned. Throws what isolated() throws.
std::string result_of(std::string reply);

// Throws what the death of a restricted child says, by its status as of waitpid: std::runtime_error
// with the reason, which is damage of the file or a limit of the caller; std::bad_alloc if it
// crashed with little memory left below a limit of the caller.
[[noreturn]] void throw_death(int status);

// Calls `work` in a child process and returns its result. Throws std::runtime_error with what
// `work` threw, or with a reason if the child crashed or used up its allowance; std::bad_alloc if
// memory ran out under a tighter limit of the caller (ulimit -v).
std::string isolated(const Allowance& allowance, const std::function<std::string()>& work);

}  // namespace moesim
