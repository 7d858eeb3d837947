// Replay repeats a fixed sequence of device work, such as the forward and backward passes of a
// training step.
#pragma once

#include <functional>
#include <string>

namespace moesim {

// Every round launches the same kernels with the same arguments; only the values in memory differ.
// On devices where a launch costs more than a small kernel, the sequence is recorded once and
// replayed from then on (CUDA graphs).
class Replay {
 public:
  virtual ~Replay() = default;
  // Calls `work`, or replays a recorded round without calling it. Results on the device are valid
  // until the next round. -> was it replayed?
  virtual bool run(const std::function<void()>& work) = 0;
  // Why `work` will be called in every round, or "".
  virtual const std::string& refusal() const = 0;
};

}  // namespace moesim
