// Work that is asked for again and again.
#pragma once

#include <functional>
#include <string>

namespace moesim {

// Work of which every round asks the device for the same, but for what stands in memory: the passes
// of a training step. A device that does small work faster than it is asked for takes down what a
// round asks for, and asks itself from then on.
class Replay {
 public:
  virtual ~Replay() = default;
  // Does `work`, or what it asked for in an earlier round, and then does not call it. What a round
  // leaves on the device is valid until the next.
  // -> was it replayed?
  virtual bool run(const std::function<void()>& work) = 0;
  // Why `work` will be called in every round, or "".
  virtual const std::string& refusal() const = 0;
};

}  // namespace moesim
