// Runs a function in a forked child process: its crash does not harm the parent, and its memory is
// measured separately.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace moesim {

// Child is a running forked process and the read end of the pipe that it writes to.
struct Child {
  int pid = 0;
  int pipe = -1;
};

// Forks a child that calls `work` with the write end of the pipe and then exits without running the
// parent's destructors. `work` must not throw, and must not need threads that the parent has
// started (threads do not survive a fork). Throws std::system_error if the fork fails.
Child fork_child(const std::function<void(int pipe)>& work);

// Writes all bytes. False if the read end is closed.
bool send_bytes(int pipe, std::string_view bytes);

// ChildEnd is the result of a child that has ended.
struct ChildEnd {
  std::string bytes;           // the result of the work, truncated if the child died
  int status = 0;              // as waitpid reports it
  std::size_t peak_bytes = 0;  // peak resident memory of the child
};

// Runs `work` in a forked child, waits, and returns its result. stop: asked every 200 ms and after
// each signal; once it is true, the child is killed. Null: never.
ChildEnd in_forked_child(const std::function<std::string()>& work,
                         const std::function<bool()>& stop = {});

}  // namespace moesim
