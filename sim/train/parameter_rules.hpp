// ParameterRules holds what [freeze] says about single parameters: which are frozen, and which have
// a learning rate or weight decay of their own.
#pragma once

#include "sim/config/options.hpp"
#include "sim/nn/module.hpp"

#include <map>
#include <string>
#include <vector>

namespace moesim {

struct ParameterRules {
  std::map<std::string, double> rate;   // factor on the learning rate by name; others have 1
  std::map<std::string, double> decay;  // weight decay by name; others have that of the optimiser
};

// Reads [freeze] and freezes the parameters that it names. Patterns are shell patterns for full
// names; of several that match a name the last one holds. Rejects patterns without effect.
ParameterRules read_parameter_rules(Settings& settings, std::vector<Parameter>& parameters);

// How many parameter values are trained: "12 of 34 parameters are trained".
std::string trained_text(const std::vector<Parameter>& parameters);

}  // namespace moesim
