#include "experiments/child.hpp"

#include "sim/core/error.hpp"
#include "sim/record/child.hpp"

#include <cstring>
#include <exception>
#include <iostream>
#include <sys/wait.h>
#include <system_error>

namespace moesim {
namespace {

// What the child sends: the exit code as one character, then the result or the error.
std::string message(Exit code, const std::string& text) { return static_cast<char>(code) + text; }

ChildEnd run_child(const std::function<std::string()>& work) {
  try {
    return in_forked_child([&] {
      try {
        return message(Exit::ok, work());
      } catch (const Error& error) {
        return message(error.code(), error.what());
      } catch (const std::exception& error) {
        return message(Exit::internal, error.what());
      }
    });
  } catch (const std::system_error& error) {
    fail(Exit::internal, "cannot start a process: " + error.code().message());
  }
}

}  // namespace

ChildResult in_child(const std::function<std::string()>& work) {
  std::cout.flush();
  const ChildEnd end = run_child(work);
  if (WIFSIGNALED(end.status))
    fail(Exit::internal, std::string("a child process died: ") + strsignal(WTERMSIG(end.status)));
  if (end.bytes.empty()) fail(Exit::internal, "a child process ended without a result");
  const auto code = static_cast<Exit>(end.bytes.front());
  if (code != Exit::ok) fail(code, end.bytes.substr(1));
  return {end.bytes.substr(1), end.peak_bytes};
}

}  // namespace moesim
