// Computes choices and gates from router logits, by the rules of other programs.
#pragma once

#include "sim/core/types.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// Names of the rules: softmax (over all experts, those of the choices are taken as they are),
// softmax-of-chosen (over the choices), sigmoid (of each logit).
const std::vector<std::string>& gate_rules();

// The k experts of the largest logits, the largest first; of equal ones that with the lower index.
std::vector<std::int32_t> largest(const std::vector<double>& logits, index k);

// The gates of the chosen experts by a rule.
std::vector<double> gates_by(const std::string& rule, const std::vector<double>& logits,
                             const std::vector<std::int32_t>& chosen);

}  // namespace moesim
