// Sentences of an explanation (Options::explain) that routers and policies share.
#pragma once

#include "sim/config/options.hpp"

#include <string>

namespace moesim {

class Router;
struct Site;

// An auxiliary loss with its weight, unless that is 0: its formula, the tokens over which it is
// taken (may be empty), and its value in a state, `when`, such as "at balance".
void explain_loss(const Options& options, const std::string& name, double weight,
                  const std::string& formula, const std::string& scope, const std::string& when,
                  double value);

// The load balance loss E/k Σ f P of a router with scores p, taken over the micro-batch: `counted`
// says what f counts.
void explain_balance(const Options& options, double weight, index k,
                     const std::string& scope = "f and P of the micro-batch",
                     const std::string& counted = "");
void explain_z(const Options& options, double weight, index columns);

// What any router declares: what a token depends on, buffers, parameters, cost.
void explain_router(const Options& options, const Site& site, const Router& router);

}  // namespace moesim
