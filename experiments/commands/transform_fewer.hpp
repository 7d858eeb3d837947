// Declares the methods of moesim transform by which layers have fewer experts: prune and merge.
#pragma once

#include "experiments/commands/transform_methods.hpp"

namespace moesim {

// Declares their options, in groups.
void declare_fewer_experts(Arguments& arguments);

// Arguments and errors as in transform_method().
TransformMethod prune_method(const Arguments& arguments, const Transformation& what,
                             nlohmann::ordered_json& report);
TransformMethod merge_method(const Arguments& arguments, nlohmann::ordered_json& report);

}  // namespace moesim
