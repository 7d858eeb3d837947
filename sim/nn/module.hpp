// Module owns parameters and names them; a tree of modules is a model.
#pragma once

#include "sim/core/tensor.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moesim {

// Init is the initial distribution of a parameter. Draws are keyed by (seed, full name), so two
// models share the values of every parameter of the same name and shape.
struct Init {
  enum class Kind { constant, normal, truncated_normal };
  Kind kind = Kind::constant;
  double value = 0;  // the constant, or the standard deviation (before truncation at two of them)
  static Init constant(double value) { return {Kind::constant, value}; }
  static Init normal(double deviation) { return {Kind::normal, deviation}; }
  static Init truncated_normal(double deviation) { return {Kind::truncated_normal, deviation}; }
};

struct Parameter {
  std::string name;  // "blocks.0.attention.qkv"
  Tensor value;
  Init init;
  bool decay = true;     // subject to weight decay
  bool frozen = false;   // counted and kept in checkpoints, but gets no gradient and no update
  bool product = false;  // used in products with rows only: it can have an adapter (adapter.hpp)
};

class Module {
 public:
  Module() = default;
  virtual ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // All parameters of this module and its children, with names relative to it, in order of
  // declaration.
  std::vector<Parameter> parameters() const;
  // The same for buffers.
  std::vector<Parameter> buffers() const;

 protected:
  // Declares a parameter; initialise() allocates it. Biases and gains pass decay = false.
  Tensor parameter(std::string name, Shape shape, Init init, bool decay = true);
  // Declares a matrix [in, out], or a stack of them, that is used by LinearLayer or grouped_linear(Rows)
  // only, so that it can have an adapter.
  Tensor matrix(std::string name, Shape shape, Init init);
  // Declares a parameter that is not trained, e.g. the base of an adapter.
  Tensor frozen_parameter(std::string name, Shape shape, Init init);
  // Declares a buffer: state that changes without gradient (a balancing bias, running counts). It
  // is initialised like a parameter and kept in checkpoints; no optimiser updates it.
  Tensor buffer(std::string name, Shape shape, Init init);
  void child(std::string name, const Module& module);

 private:
  void collect(bool trained, const std::string& prefix, std::vector<Parameter>& all) const;
  std::vector<Parameter> own_, buffers_;
  std::vector<std::pair<std::string, const Module*>> children_;
};

// Makes a parameter frozen; gradients still flow through its op to the other inputs.
void freeze(Parameter& parameter);

// Allocates the parameters (or buffers) and draws their values.
void initialise(const std::vector<Parameter>& parameters, Backend& backend, std::uint64_t seed);

// Total number of values.
index count(const std::vector<Parameter>& parameters);

}  // namespace moesim
