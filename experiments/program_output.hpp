// Another program, and what it has to say.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct ProgramOutput {
  bool found = true;  // the program
  bool good = false;  // it ended with exit code 0
  std::string out, error;
};

// Runs words[0], looked up in PATH, with the other words as its arguments and no input, and waits
// for it. Throws Exit::internal if it cannot be started for another reason than that it is absent.
ProgramOutput output_of(std::vector<std::string> words);

}  // namespace moesim
