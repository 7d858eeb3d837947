// Reads the option that defines the groups of tokens over which a router balances the experts in
// training.
#pragma once

#include "sim/moe/policies/capacity.hpp"
#include "sim/moe/router.hpp"

namespace moesim {

// Reads the option `group`: by position for causal tasks, which does not look ahead, else the
// batch.
Group read_even_group(Options& options, const Site& site);

}  // namespace moesim
