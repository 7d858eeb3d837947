// Formats the last line of `moesim run`.
#pragma once

#include <cstddef>
#include <string>

namespace moesim {

// Work is what one invocation has done.
struct Work {
  std::size_t trained = 0;  // runs
  double seconds = 0;
};

// The line: "6 runs in runs/study, 6 trained in 1m12s; next: moesim compare runs/study, or ...".
// `ended` is the number of finished runs in `folder`.
std::string next_steps(const std::string& folder, std::size_t ended, const Work& work);

// `text` as one word of a shell, quoted if necessary.
std::string shell_word(const std::string& text);

}  // namespace moesim
