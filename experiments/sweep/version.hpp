// What this program is.
#pragma once

#include <string>

namespace moesim {

const char* version();
const char* git_revision();
std::string build_description();  // number type, compiler, build type

}  // namespace moesim
