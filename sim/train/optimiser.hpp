// Optimisers and clipping.
#pragma once

#include "sim/config/options.hpp"
#include "sim/nn/module.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moesim {

struct NamedTensor {
  std::string name;
  Tensor value;
};

class Optimiser {
 public:
  virtual ~Optimiser() = default;
  // One update with the gradients in the parameters, each times `gradient_scale`; a parameter
  // without one is left alone.
  virtual void step(double rate, double gradient_scale) = 0;
  // What the next update needs besides the parameters: tensors by name ("adamw.first.head", ...),
  // allocated here if need be, and the number of updates done.
  virtual std::vector<NamedTensor> state() = 0;
  // What stands before the name of the parameter in those names: "adamw.first.", ...
  virtual std::vector<std::string> kinds_of_state() const = 0;
  index updates() const { return updates_; }
  void set_updates(index updates) { updates_ = updates; }

 protected:
  index updates_ = 0;
};

// Reads optimiser, beta1, ... of [train].
std::unique_ptr<Optimiser> make_optimiser(Options& options, std::vector<Parameter> parameters);

// Euclidean norm over the gradients of all parameters, in double.
double gradient_norm(const std::vector<Parameter>& parameters);

}  // namespace moesim
