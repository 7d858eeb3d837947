// Defines the methods of moesim transform: options of the command line -> how the tensors of a new run are made.
#pragma once

#include "experiments/commands/arguments.hpp"
#include "experiments/sweep/transformed_run.hpp"
#include "sim/config/names.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

// TransformMethod is a transformation: what run.made says, settings of the new run, its tensors, and
// further settings that follow from the source.
struct TransformMethod {
  std::string made;
  MadeSettings settings;
  MakeTensors make;
  std::vector<std::string> left_out = {};  // Transformation::left_out
  SettingsOf settings_of = {};
  std::string domain = {};  // Transformation::domain
};

// --calibration, or `otherwise`.
index calibration_sequences(const Arguments& arguments, index otherwise);

// Declares the options of all methods, in groups.
void declare_transform_methods(Arguments& arguments);

// The method of this name; `report` must outlive it, and receives its results. what: the source, and
// settings of the command line. Throws Exit::usage for an unknown one, and for options that are missing,
// wrong, or of another method.
TransformMethod transform_method(const std::string& name, const Arguments& arguments,
                                 const Transformation& what, nlohmann::ordered_json& report);

}  // namespace moesim
