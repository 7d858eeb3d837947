// Selects arms of a sweep by name or pattern, as --arm does.
//
//   arms   := arm {',' arm}
//   arm    := name [':' key '=' value {',' key '=' value}]
//
// A name is a label (RunSpec::label), or a pattern in which * matches any characters and ? one. An
// exact label is tried before the pattern.
#pragma once

#include "sim/config/sweep.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace moesim {

// Indices of the labels that equal `name` or match it as a pattern; empty if none does.
std::vector<std::size_t> arms_matching(const std::string& name,
                                       const std::vector<std::string>& labels);

// The error for a name without an arm: "no arm is named 'x': did you mean y? there are y, z".
// The caller makes the texts printable (config::printable).
std::string no_arm_message(const std::string& name, const std::vector<std::string>& labels);

// Builds the choices from the values of --arm, split at commas: a part that is a setting belongs to
// the arm in front of it.
std::vector<ArmChoice> arm_choices(const std::vector<std::string>& parts);

// Returns the runs of the chosen arms, in the order of `runs`, with the settings of each choice,
// which become part of the label. Without choices: all runs. Throws Exit::usage for a name without
// an arm.
std::vector<RunSpec> choose_arms(const std::vector<RunSpec>& runs,
                                 const std::vector<ArmChoice>& choices);

}  // namespace moesim
