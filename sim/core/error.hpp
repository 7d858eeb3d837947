// Error is the only exception type of moesim. Its message is one line that says where, what, and
// what to do; its exit code is what the program returns if nothing catches it.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

enum class Exit {
  ok = 0,
  internal = 1,      // a bug, or a limit of this build
  usage = 2,         // command line or config
  data = 3,          // input data
  output = 4,        // disk full, read-only folder
  diverged = 5,      // NaN or Inf while training
  locked = 6,        // the run folder belongs to another process
  interrupted = 75,  // stopped with a checkpoint; run again to resume
};

class Error : public std::runtime_error {
 public:
  Error(Exit code, const std::string& message) : std::runtime_error(message), code_(code) {}
  Exit code() const { return code_; }

 private:
  Exit code_;
};

[[noreturn]] inline void fail(Exit code, const std::string& message) { throw Error(code, message); }

// Throws for shape and argument mistakes inside the library; `where` is the op or the module, e.g.
// "grouped_linear".
[[noreturn]] inline void fail_in(Exit code, std::string_view where, const std::string& message) {
  throw Error(code, std::string(where) + ": " + message);
}
[[noreturn]] inline void fail_in(std::string_view where, const std::string& message) {
  fail_in(Exit::internal, where, message);
}

// Calls f() and prefixes the message of its errors with where(): "block 3: ...".
template <class Where, class F>
auto within(Where where, F f) -> decltype(f()) {
  try {
    return f();
  } catch (const Error& error) {
    fail_in(error.code(), where(), error.what());
  }
}

// The candidate nearest to `word`, in lower case: of edit distance 1, or at most max(2, length / 3) and
// below half of the longer word. "" if none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// "a, b, c"
std::string joined(const std::vector<std::string>& words, std::string_view separator = ", ");

}  // namespace moesim
