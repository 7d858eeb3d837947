// balanced_assignment() assigns tokens to experts such that all loads are equal and the sum of
// scores is largest.
#pragma once

#include "sim/core/types.hpp"

#include <cstdint>
#include <vector>

namespace moesim {

// The expert of every token, of at most `places` tokens each (places · E ≥ n), such that the sum of
// score[t, expert[t]] is the largest possible, to rounding: a transportation problem, solved by
// successive shortest paths (Ahuja et al. 1993, section 9.7) in O(n E²) steps and more. Values that
// are not finite count as 0. Tokens are inserted in their order; ties go to lower numbers.
std::vector<std::int32_t> balanced_assignment(const std::vector<double>& score, index experts,
                                              index places);

}  // namespace moesim
