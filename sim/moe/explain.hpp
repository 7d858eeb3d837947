// Adds the sentences that `moesim explain` prints for every router.
#pragma once

#include "sim/config/options.hpp"

namespace moesim {

class Router;
struct Site;

// Explains what a router declares: what a token depends on, buffers, parameters, cost.
void explain_router(const Options& options, const Site& site, const Router& router);

}  // namespace moesim
