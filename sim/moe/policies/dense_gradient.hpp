// dense_gradient() makes a plan with a gradient estimator for top-k routers: the output is that of
// the chosen experts, the gradient of the gates is that of the sum over all experts (Yao et al.
// 2025, "DenseMixer: improving MoE post-training with precise router gradient").
//
//   value      Σ_{e chosen} w_e E_e(x)
//   gradient   of Σ_e w_e E_e(x) with respect to w; of the value with respect to E_e(x)
//
// In training every expert gets every token, with gates sg(M w - w) + w, where M is 1 for the
// chosen experts, else 0: their value is M w, their gradient that of w. In evaluation only the
// chosen experts get the token.
#pragma once

#include "sim/moe/router.hpp"

namespace moesim {

// The plan of the choices [T·k]. gates [T, k]: w of the chosen. scores [T, E]: w of the others is
// their score times the factor, a constant, that makes the first choice's score its gate: with
// gates divided by their sum n it is score / n.
Assignment dense_gradient(const Indices& choice, const Tensor& gates, const Tensor& scores,
                          bool training);

}  // namespace moesim
