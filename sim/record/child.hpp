// Work in a forked process: its memory is measured apart, and it takes nothing down with it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace moesim {

struct ChildEnd {
  std::string bytes;           // what the work returned, or a part if the child died
  int status = 0;              // as of waitpid
  std::size_t peak_bytes = 0;  // of the process's resident memory
};

// Runs `work`, which must not throw, in a forked child and waits for it. The child leaves without
// running the parent's destructors. The parent must not have run anything in parallel that the work
// needs, since threads do not survive a fork. Throws std::system_error if there can be no child.
ChildEnd in_forked_child(const std::function<std::string()>& work);

}  // namespace moesim
