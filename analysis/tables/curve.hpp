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

// Quantity is a parsed "NAME" or "NAME/LABEL"; see CurvesOptions.
struct Quantity {
  std::string name, label = {};
};
Quantity quantity_of(const std::string& text);

// Returns the variables that curve_of reads.
Excerpt curve_excerpt(const Quantity& quantity);

// Returns the curve; nothing if the run does not have the variable. A mean over layers ignores NaN.
// Throws Exit::usage if the variable has no time axis, or no such label or layer.
std::optional<Curve> curve_of(const Run& run, const Quantity& quantity,
                              const std::optional<std::int64_t>& layer);

// Returns the quantities of a run file that are curves, for error messages.
std::vector<std::string> quantities_of(const Run& run);

}  // namespace moesim
