// Runs another program for a limited time.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct ProcessResult {
  bool found = true;       // the program is in PATH
  bool timed_out = false;  // and was killed
  bool good = false;       // it ended with exit code 0
  std::string output;      // what it wrote to stdout and stderr, its beginning
};

// Runs words[0] with the other words as arguments in `folder`, without input. Throws
// Exit::internal if it cannot be started for another reason than that it is absent.
ProcessResult run_process(std::vector<std::string> words, const std::string& folder,
                          int limit_seconds);

}  // namespace moesim
