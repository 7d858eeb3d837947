// --arm of the commands that train and time, and lists of names on the command line.
#pragma once

#include "experiments/commands/arguments.hpp"
#include "sim/config/arms.hpp"

#include <string>
#include <vector>

namespace moesim {

inline constexpr const char* kArmHelp =
    "these arms alone: NAME,NAME, with * for any characters; NAME:key=value,key=value changes an "
    "arm; a name with a comma in double quotes, or --arm several times";

// What --arm says; none: all arms.
std::vector<ArmChoice> arms_of(const Arguments& arguments);

// The names in "a,b". A name that has a comma itself is put in double quotes, doubled where they
// are part of it ("a, b",c); between parentheses a comma needs none: "a (k = 1, x = 2),b" are two.
// Throws Exit::usage, which names the option, for quotes that do not close and for an empty name.
std::vector<std::string> names_in(const std::string& list, const std::string& option);

}  // namespace moesim
