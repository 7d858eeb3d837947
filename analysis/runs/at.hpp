// At is the choice of the evaluation that a table uses: the last, the best, or the one at a step
// (--at).
#pragma once

#include <cstdint>
#include <string>

namespace moesim {

struct At {
  enum class Kind {
    last,
    best,  // the lowest loss of the run; the first of equal ones
    step,  // after `step` training steps
  };
  Kind kind = Kind::last;
  std::int64_t step = 0;  // for Kind::step
};

// Parses "last", "best" or a number of steps. Throws Exit::usage.
At at_of(const std::string& text);

}  // namespace moesim
