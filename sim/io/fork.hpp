// Work in a forked process: its memory is measured apart, and it takes nothing down with it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace moesim {

// A forked child that runs on its own, and the end of the pipe that it writes to.
struct Child {
  int pid = 0;
  int pipe = -1;
};

// Runs `work` with the other end of the pipe in a forked child, which then leaves without running
// the parent's destructors; `work` must not throw. The parent must not have run anything in
// parallel that the work needs, since threads do not survive a fork. Throws std::system_error if
// there can be no child.
Child fork_child(const std::function<void(int pipe)>& work);

// Writes all of it. False if the other end is closed.
bool send_bytes(int pipe, std::string_view bytes);

struct ChildEnd {
  std::string bytes;           // what the work returned, or a part if the child died
  int status = 0;              // as of waitpid
  std::size_t peak_bytes = 0;  // of the process's resident memory
};

// The same for work with a result, and waits for it.
ChildEnd in_forked_child(const std::function<std::string()>& work);

}  // namespace moesim
