// `moesim check`: the certificates of routers and experts (sim/certify/certificate.hpp), for people and
// programs.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace moesim {

// arguments: names of routers and experts, each with key=value settings after it; none: all that
// are registered, with their defaults (experiments/commands/check_arguments.hpp). A plug-in that is named
// without settings, or `all`, is certified under its variants as well. Returns 1 if a certificate
// fails or is incomplete, else 0.
//
// Every certificate is made in a process of its own, so that a plug-in that crashes is a failure of
// this plug-in alone. In the float build, when `out` is the standard output, this process becomes
// `moesim-f64 check` with the same arguments if that program lies beside it: derivatives are
// measured in double.
int check_command(const std::vector<std::string>& arguments, bool json, std::ostream& out,
                  bool all = false);

}  // namespace moesim
