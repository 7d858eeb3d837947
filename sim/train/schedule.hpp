// Schedule is the learning rate by step.
#pragma once

#include "sim/config/options.hpp"

#include <string>
#include <vector>

namespace moesim {

// Linear warm-up, then a constant rate, or a cosine down to a floor with optional warm restarts at
// given steps (Loshchilov and Hutter 2017). A restart has its own warm-up, from the floor (Ibrahim
// et al. 2024).
class Schedule {
 public:
  // Reads rate, schedule, warmup, rate_min and restarts of [train]. steps: of the training.
  Schedule(Options& options, index steps);
  double rate(index step) const;
  // True if `shorter`, a training of fewer steps, has the same rate at each of its steps.
  bool continues(const Schedule& shorter) const;
  // The value of train.restarts for a training that continues beyond the end of this one; "" if the
  // rates do not depend on the number of steps.
  std::string restarts_beyond() const;

 private:
  bool depends_on_steps() const;

  double peak_, floor_;
  index warmup_;
  std::vector<index> ends_;  // end steps of the cosines; the last is the end of the training
  bool cosine_;
};

}  // namespace moesim
