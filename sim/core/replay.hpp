// Repeats a fixed sequence of device work, such as the forward and backward passes of a training
// step.
#pragma once

#include <functional>
#include <string>

namespace moesim {

// Work that launches the same kernels with the same arguments in every round; only the values in
// memory differ. On a device where launching costs more than small kernels, the sequence is
// recorded once and replayed from then on (CUDA graphs).
class Replay {
 public:
  virtual ~Replay() = default;
  // Calls `work`, or replays what an earlier round recorded without calling it. What a round leaves
  // on the device is valid until the next.
  // -> was it replayed?
  virtual bool run(const std::function<void()>& work) = 0;
  // Why `work` will be called in every round, or "".
  virtual const std::string& refusal() const = 0;
};

}  // namespace moesim
