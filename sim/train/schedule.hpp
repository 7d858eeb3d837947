// Schedule is the learning rate as a function of the step.
#pragma once

#include "sim/config/options.hpp"

#include <string>
#include <vector>

namespace moesim {

// Linear warm-up, then
//   constant  the peak
//   cosine    a cosine from the peak to a floor
//   wsd       the peak, and a decay to the floor over a share of the steps at the end
//             (warm-up, stable, decay: Hu et al. 2024)
// The last two may restart at given steps (Loshchilov and Hutter 2017); a restart has its own
// warm-up, from the floor (Ibrahim et al. 2024).
class Schedule {
 public:
  // Reads rate, schedule, warmup, rate_min, decay_share, decay_form and restarts of [train]. steps: of
  // the training.
  Schedule(Options& options, index steps);
  double rate(index step) const;
  // True if `shorter`, a training of fewer steps, has the same rate at each of its steps.
  bool continues(const Schedule& shorter) const;
  // The value of train.restarts for a training that continues beyond the end of this one; "" if the
  // rates do not depend on the number of steps.
  std::string restarts_beyond() const;

 private:
  enum class Shape { constant, cosine, wsd };
  // How the rate falls, by the share p of the decay: 1 - p, (1 + cos πp) / 2 or 1 - √p.
  enum class Decay { linear, cosine, root };

  bool depends_on_steps() const;
  // The rate above the floor, as a share of that of the peak, at step `passed` of `steps` after the
  // warm-up.
  double height(index passed, index steps) const;

  double peak_, floor_;
  index warmup_;
  std::vector<index> ends_;  // steps at which a decay ends; the last is the end of the training
  Shape shape_ = Shape::cosine;
  Decay decay_form_ = Decay::linear;
  double decay_ = 0;  // share of the steps after the warm-up
};

}  // namespace moesim
