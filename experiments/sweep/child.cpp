#include "experiments/sweep/child.hpp"

#include "experiments/sweep/last_words.hpp"
#include "experiments/sweep/signals.hpp"
#include "sim/core/error.hpp"
#include "sim/core/out_of_memory.hpp"
#include "sim/io/file.hpp"
#include "sim/io/fork.hpp"

#include <exception>
#include <iostream>
#include <new>
#include <sys/wait.h>
#include <system_error>

namespace moesim {
namespace {

// The child's message: the exit code as one character, then the result or the error.
std::string message(Exit code, const std::string& text) { return static_cast<char>(code) + text; }

ChildEnd run_child(const std::function<std::string()>& work) {
  try {
    const auto answer = [&] {
      release_stop_signals();
      try {
        return message(Exit::ok, work());
      } catch (const Error& error) {
        return message(error.code(), error.what());
      } catch (const std::bad_alloc&) {
        return message(Exit::internal, kOutOfMemory);
      } catch (const std::exception& error) {
        return message(Exit::internal, std::string("internal error: ") + error.what());
      }
    };
    return in_forked_child(answer, stop_requested);
  } catch (const std::system_error& error) {
    fail_short("cannot start a process", error.code().value());
  }
}

}  // namespace

ChildResult in_child(const std::string& doing, const std::function<std::string()>& work,
                     double least_bytes) {
  std::cout.flush();
  const ChildEnd end = run_child(work);
  if (stop_requested())
    fail(Exit::interrupted, "stopped: the process that " + doing + " was ended; run it again");
  if (!WIFEXITED(end.status) || WEXITSTATUS(end.status) != 0 || end.bytes.empty())
    fail(Exit::internal, "the process that " + doing + " " + why_ended(end.status, least_bytes));
  const auto code = static_cast<Exit>(end.bytes.front());
  if (code != Exit::ok) fail(code, end.bytes.substr(1));
  return {end.bytes.substr(1), end.peak_bytes};
}

}  // namespace moesim
