// Runs a function in a child process and passes on its errors; its crash does not harm the parent,
// and its memory is measured separately.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace moesim {

struct ChildResult {
  std::string text;            // the result of the work
  std::size_t peak_bytes = 0;  // peak resident memory of the child
};

// Runs `work` in a forked child. Rethrows errors of the work with their exit code. Throws if the
// child is killed: "the process that " + doing + " was killed: ...", with the memory that it needs
// at least (`least_bytes`; 0: unknown). The parent must not have started threads that `work` needs,
// because threads do not survive a fork. A stop signal (signals.hpp) that this process catches ends the
// child: Exit::interrupted.
ChildResult in_child(const std::string& doing, const std::function<std::string()>& work,
                     double least_bytes = 0);

}  // namespace moesim
