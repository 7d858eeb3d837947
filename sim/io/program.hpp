// Runs another program and returns what it wrote.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct ProgramRun {
  bool found = true;       // the program is in PATH
  bool timed_out = false;  // and was killed
  bool good = false;       // it ended with exit code 0
  std::string out, error;  // what it wrote to stdout and stderr; with a limit the first 64 KiB
};

struct ProgramLimits {
  std::string folder = ".";  // in which it runs
  int seconds = 0;           // after which it and what it started are killed; 0: never
};

// Runs words[0], looked up in PATH, with the other words as its arguments and no input, and waits
// for it. Throws Exit::internal if it cannot be started for another reason than that it is absent.
ProgramRun run_program(std::vector<std::string> words, const ProgramLimits& limits = {});

}  // namespace moesim
