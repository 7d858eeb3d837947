// Runs another program, waits for it, and returns its output.
#pragma once

#include <string>
#include <vector>

namespace moesim {

// ProgramRun is the outcome of run_program.
struct ProgramRun {
  bool found = true;       // false: the program is not in PATH
  bool timed_out = false;  // true: killed at the time limit
  bool good = false;       // true: exit code 0
  std::string out, error;  // stdout and stderr; only the first 64 KiB if there is a time limit
};

struct ProgramLimits {
  std::string folder = ".";  // working directory
  int seconds = 0;           // the program and its children are killed after this; 0: no limit
};

// Runs words[0], looked up in PATH, with the other words as arguments and empty input. Throws
// Exit::internal if it is found but cannot be started.
ProgramRun run_program(std::vector<std::string> words, const ProgramLimits& limits = {});

}  // namespace moesim
