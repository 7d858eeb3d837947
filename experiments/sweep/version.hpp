// Returns the version, revision and build of the program.
#pragma once

#include <string>

namespace moesim {

const char* version();
const char* git_revision();
std::string build_description();  // number type, compiler, build type

}  // namespace moesim
