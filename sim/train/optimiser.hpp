// Optimiser updates the parameters by their gradients; gradient_norm() computes the norm that
// clipping uses.
#pragma once

#include "sim/config/options.hpp"
#include "sim/nn/module.hpp"
#include "sim/train/parameter_rules.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct NamedTensor {
  std::string name;
  Tensor value;
};
using NamedShapes = std::vector<std::pair<std::string, Shape>>;

class Optimiser {
 public:
  virtual ~Optimiser() = default;
  // One update by the parameters' gradients times `gradient_scale`. Parameters without a gradient
  // are not changed.
  virtual void step(double rate, double gradient_scale) = 0;
  // State of the optimiser besides the parameters: tensors by name ("adamw.first.head", ...),
  // allocated here if necessary, and the number of updates.
  virtual std::vector<NamedTensor> state() = 0;
  // Prefixes of the parameter's name in those names: "adamw.first.", ...
  virtual std::vector<std::string> kinds_of_state() const = 0;
  index updates() const { return updates_; }
  void set_updates(index updates) { updates_ = updates; }

 protected:
  index updates_ = 0;
};

// Reads optimiser, beta1, ... of [train].
std::unique_ptr<Optimiser> make_optimiser(Options& options,
                                          const std::vector<Parameter>& parameters,
                                          const ParameterRules& rules = {});

// Euclidean norm of the gradients of all parameters, in double.
double gradient_norm(const std::vector<Parameter>& parameters);

}  // namespace moesim
