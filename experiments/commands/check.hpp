// Implements `moesim check`: prints the certificates of routers and experts
// (sim/certify/certificate.hpp) as a table or as JSON.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace moesim {

// arguments: names of routers and experts, each followed by its key=value settings; empty: all
// registered plug-ins with their defaults (experiments/commands/check_arguments.hpp). A plug-in
// named without settings, and every plug-in with `all`, is also certified under its variants.
// Returns 1 if a certificate fails or is incomplete, else 0.
//
// Each certificate runs in its own process, so that a crash fails only that plug-in. In the float
// build, if `out` is the standard output, the process executes `moesim-f64 check` with the same
// arguments if that program is in the same folder, because derivatives are measured in double.
int check_command(const std::vector<std::string>& arguments, bool json, std::ostream& out,
                  bool all = false);

}  // namespace moesim
