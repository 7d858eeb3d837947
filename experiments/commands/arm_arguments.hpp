// Parses --arm of run and bench, and lists of names on the command line.
#pragma once

#include "experiments/commands/arguments.hpp"
#include "sim/config/arms.hpp"

#include <string>
#include <vector>

namespace moesim {

inline constexpr const char* kArmHelp =
    "only these arms: NAME,NAME, with * for any characters; NAME:key=value,key=value changes an "
    "arm; quote a name that contains a comma, or repeat --arm";

// The choices of --arm; empty: all arms.
std::vector<ArmChoice> arms_of(const Arguments& arguments);

// Splits "a,b" into names. A name that contains a comma is in double quotes ("a, b",c), with quotes
// in it doubled; a comma in parentheses needs no quotes: "a (k = 1, x = 2),b" are two names. Throws
// Exit::usage, naming the option, for unclosed quotes and empty names.
std::vector<std::string> names_in(const std::string& list, const std::string& option);

}  // namespace moesim
