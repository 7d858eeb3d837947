// Optimisers, schedules and clipping.
#pragma once

#include "sim/config/options.hpp"
#include "sim/nn/module.hpp"

#include <memory>
#include <vector>

namespace moesim {

class Optimiser {
 public:
  virtual ~Optimiser() = default;
  // One update with the gradients in the parameters, each times `gradient_scale`; a parameter
  // without one is left alone.
  virtual void step(double rate, double gradient_scale) = 0;
};

// Reads optimiser, beta1, ... of [train].
std::unique_ptr<Optimiser> make_optimiser(Options& options, std::vector<Parameter> parameters);

// Learning rate by step: linear warm-up, then constant or a cosine down to a floor (Loshchilov and
// Hutter 2017).
class Schedule {
 public:
  Schedule(Options& options, index steps);
  double rate(index step) const;

 private:
  double peak_, floor_;
  index warmup_, steps_;
  bool cosine_;
};

// Euclidean norm over the gradients of all parameters, in double.
double gradient_norm(const std::vector<Parameter>& parameters);

}  // namespace moesim
