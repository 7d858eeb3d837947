// Curve is one quantity of one run over training steps.
#pragma once

#include "analysis/runs/read.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct Curve {
  std::vector<double> x;   // steps, as recorded: step, eval_step or record_step
  std::vector<double> y;   // NaN where the run has none
  std::string axis = {};   // "step", "eval" or "record"
  std::string units = {};  // of y
  bool layers_averaged = false;
};

// "NAME" or "NAME/LABEL"; see CurvesOptions.
struct Quantity {
  std::string name, label = {};
};
Quantity quantity_of(const std::string& text);

// What of a run file curve_of needs.
Excerpt curve_excerpt(const Quantity& quantity);

// None if the run does not have the variable. The mean over layers leaves out those that are NaN.
// Throws Exit::usage if the variable is no curve, or has no such label or layer.
std::optional<Curve> curve_of(const Run& run, const Quantity& quantity,
                              const std::optional<std::int64_t>& layer);

// The quantities that a run file has, for an error message.
std::vector<std::string> quantities_of(const Run& run);

}  // namespace moesim
