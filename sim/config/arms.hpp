// Arms of a sweep by name, as --arm chooses them.
//
//   arms   := arm {',' arm}
//   arm    := name [':' key '=' value {',' key '=' value}]
//
// A name is a label (RunSpec::label), or a pattern in which * stands for any characters and ? for
// one; a label that has such characters itself is found by its name first.
#pragma once

#include "sim/config/sweep.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace moesim {

// Places of the labels that a name or a pattern stands for; none if there are none.
std::vector<std::size_t> arms_matching(const std::string& name,
                                       const std::vector<std::string>& labels);

// "no arm is named 'x': did you mean y? there are y, z". The texts are fit for a terminal.
std::string no_arm_message(const std::string& name, const std::vector<std::string>& labels);

// From what --arm says, cut at its commas: a part that is a setting belongs to the arm before.
std::vector<ArmChoice> arm_choices(const std::vector<std::string>& parts);

// The runs of the chosen arms, in their order, with the settings of the choice, which become part
// of the label. No choices: all runs. Throws Exit::usage for a name that no arm has.
std::vector<RunSpec> choose_arms(const std::vector<RunSpec>& runs,
                                 const std::vector<ArmChoice>& choices);

}  // namespace moesim
