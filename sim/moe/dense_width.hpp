// Reads the option width_factor of the router dense. Runs with init.at read it as well, because their
// first steps train that router.
#pragma once

#include "sim/config/options.hpp"

namespace moesim {

// options: [router.dense]. -> the hidden width of the one network, in multiples of expert.hidden
index read_dense_width(Options& options);

}  // namespace moesim
