// The learning rate by step.
#pragma once

#include "sim/config/options.hpp"

#include <string>
#include <vector>

namespace moesim {

// Linear warm-up, then constant, or a cosine down to a floor that may begin again at given steps
// (Loshchilov and Hutter 2017: warm restarts). What begins again has its warm-up too, from the
// floor (Ibrahim et al. 2024).
class Schedule {
 public:
  // Reads rate, schedule, warmup, rate_min and restarts of [train]. `steps`: of the training.
  Schedule(Options& options, index steps);
  double rate(index step) const;
  // True if every rate of `shorter`, a training of fewer steps, is the rate of that step here.
  bool continues(const Schedule& shorter) const;
  // What train.restarts is in a training that goes on from the end of this one; "" where there is
  // nothing to restart, because the rates do not depend on the number of steps.
  std::string restarts_beyond() const;

 private:
  bool depends_on_steps() const;

  double peak_, floor_;
  index warmup_;
  std::vector<index> ends_;  // of the cosines, the last at the end of the training
  bool cosine_;
};

}  // namespace moesim
