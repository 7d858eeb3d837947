// Runs work in a child process with limits of time and memory, for input on which the HDF5 library
// may crash or hang.
//
// On random mutants of a small run file, HDF5 1.10 crashes about once in 150 and loops for ever
// about once in 500, inside calls with correct arguments. So an untrusted file is read in a child
// process, and only the values come back.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace moesim {

struct Allowance {
  std::uint64_t cpu_seconds = 0;
  std::uint64_t bytes = 0;  // in addition to the memory that the process has
};

// CallersLimits is the limits under which the program was started (ulimit -t, -v). Its children
// inherit them.
struct CallersLimits {
  std::uint64_t cpu_seconds, bytes;
};
// The limits of this process; call it before restricted().
CallersLimits callers_limits();

// Restricts this process, a child, permanently and then calls `work`. Limits memory and processor
// time in addition to what it has used, never above the caller's limits, and silences crash reports
// on stderr. The parent passes the reply to result_of().
std::string restricted(const Allowance& allowance, const CallersLimits& callers,
                       const std::function<std::string()>& work);

// Returns the result of the work from the reply. Throws like isolated().
std::string result_of(std::string reply);

// Throws the error for a restricted child that died, given its status from waitpid:
// std::runtime_error with the reason, which is damage of the file or a limit of the caller;
// std::bad_alloc if it crashed with little memory left below a limit of the caller.
[[noreturn]] void throw_death(int status);

// Calls `work` in a child process and returns its result. Throws std::runtime_error with the
// message of what `work` threw, or with the reason why the child crashed or exceeded its allowance;
// std::bad_alloc if memory ran out under a tighter limit of the caller (ulimit -v).
std::string isolated(const Allowance& allowance, const std::function<std::string()>& work);

}  // namespace moesim
