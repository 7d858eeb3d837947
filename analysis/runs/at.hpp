// At is the evaluation of a run that a table is made of.
#pragma once

#include <cstdint>
#include <string>

namespace moesim {

struct At {
  enum class Kind {
    last,
    best,  // the lowest loss of the run, the first of equal ones
    step,  // after so many steps of training
  };
  Kind kind = Kind::last;
  std::int64_t step = 0;  // Kind::step
};

// Of "last", "best" or a number of steps. Throws Exit::usage.
At at_of(const std::string& text);

}  // namespace moesim
