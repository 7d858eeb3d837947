// `moesim check`: the certificates of routers (sim/moe/certificate.hpp), for people and programs.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace moesim {

// arguments: names of routers, each with key=value settings of its own after it; none: all that are
// registered, with their defaults. A router that is named without settings, or `all`, is certified
// under its registered variants as well. Returns 1 if a certificate fails, else 0.
//
// In the float build, when `out` is the standard output, this process becomes `moesim-f64 check`
// with the same arguments if that program lies beside it: derivatives are measured in double.
int check_command(const std::vector<std::string>& arguments, bool json, std::ostream& out,
                  bool all = false);

}  // namespace moesim
