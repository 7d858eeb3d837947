// Reads the options that weight auxiliary losses (sim/moe/losses.hpp), and
// explains these losses and their values.
#pragma once

#include "sim/config/options.hpp"

#include <string>

namespace moesim {

// Read `balance_weight` of the load balance loss over the micro-batch, of k choices before drops,
// and `z_weight` of the z-loss. columns: number of logits of a token.
double read_balance_weight(Options& options, double otherwise, index k, index columns);
double read_z_weight(Options& options, double otherwise, index columns);

// Explains an auxiliary loss, unless its weight is 0: its formula, the tokens over which it is
// taken (may be empty), and its value in a state, `when`, such as "at balance".
void explain_loss(const Options& options, const std::string& name, double weight,
                  const std::string& formula, const std::string& scope, const std::string& when,
                  double value);
// The same for the load balance loss E/k Σ f P; `counted` is what f counts, if it is not the k
// choices before drops. With as many choices as columns it is a constant.
void explain_balance(const Options& options, double weight, index k, index columns,
                     const std::string& scope = "f and P of the micro-batch",
                     const std::string& counted = "", double at_balance = 1);
void explain_z(const Options& options, double weight, index columns);

}  // namespace moesim
