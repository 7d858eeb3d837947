// The methods of moesim transform: options of the command line -> how the tensors of a new run are made.
#pragma once

#include "experiments/commands/arguments.hpp"
#include "experiments/sweep/transformed_run.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

namespace moesim {

// TransformMethod is a transformation: what run.made says, settings of the new run, its tensors, and
// further settings that follow from the source.
struct TransformMethod {
  std::string made;
  std::vector<std::pair<std::string, std::string>> settings;
  MakeTensors make;
  SettingsOf settings_of = {};
  std::string domain = {};  // Transformation::domain
};

// Declares the options of all methods, in groups.
void declare_transform_methods(Arguments& arguments);

// The method of this name; `report` must outlive it, and receives its results. Throws Exit::usage for
// an unknown one, and for options that are missing, wrong, or of another method.
TransformMethod transform_method(const std::string& name, const Arguments& arguments,
                                 nlohmann::ordered_json& report);

}  // namespace moesim
