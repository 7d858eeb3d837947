// Work in a process of its own: its memory is measured apart, and it takes nothing down with it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace moesim {

struct ChildResult {
  std::string text;            // what the work returned
  std::size_t peak_bytes = 0;  // of the process's resident memory
};

// Runs `work` in a forked child. Errors of the work are thrown here with their exit code, and so is
// the child's sudden end: "the process that " + doing + " was killed: ...", with what it needs of
// memory at the least if that is known. The parent must not have run anything in parallel, since
// threads do not survive a fork.
ChildResult in_child(const std::string& doing, const std::function<std::string()>& work,
                     double least_bytes = 0);

}  // namespace moesim
